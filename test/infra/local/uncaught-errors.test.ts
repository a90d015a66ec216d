/** Uncaught errors, in a child process, because Jest would catch them first. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { build } from 'esbuild'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { end, environment, freePorts, root, run } from '../../kit/process.ts'
import type { RunningProgram } from '../../kit/process.ts'
import { waitFor } from '../../kit/wait-for.ts'

const framework = join(root, 'node_modules/@google-cloud/functions-framework/build/src/main.js')
/** In the project folder, so that Node resolves its packages. */
const program = join(root, `dist/test/uncaught-errors-${process.pid}.mjs`)

const sources = [
  'timer',
  'immediate',
  'tick',
  'rejection',
  'late rejection',
  'error event',
  'response callback',
]

let server: RunningProgram
let origin: string

const requestFrom = async (source: string): Promise<{ status: number; text: string }> => {
  const response = await fetch(`${origin}/?from=${encodeURIComponent(source)}`)
  return { status: response.status, text: await response.text() }
}

beforeAll(async () => {
  await build({
    absWorkingDir: root,
    entryPoints: ['test/infra/local/uncaught-errors.fixture.ts'],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
  })
  const [port = 0] = await freePorts(1)
  origin = `http://127.0.0.1:${port}`
  const args = [framework, '--target=failing', `--source=${program}`, `--port=${port}`]
  server = run(process.execPath, args, {
    env: environment({ NODE_ENV: 'production' }),
  })
  const exited = server.exited.then((code) => `Exited (${code}): ${server.output}`)
  await waitFor(async () => {
    const response = await Promise.race([fetch(`${origin}/?from=nowhere`).catch(() => {}), exited])
    if (typeof response === 'string') throw new Error(response)
    return response
  })
})

afterAll(async () => {
  await end(server)
  await rm(program, { force: true })
})

/** Starts two requests that wait, and returns their responses in a tuple, so that it is not awaited. */
const startOtherRequests = async (): Promise<Promise<{ status: number }[]>[]> => {
  const others = Promise.all([requestFrom('wait'), requestFrom('wait')])
  while ((await requestFrom('nowhere')).text !== '2') {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return [others]
}

test.each(sources)('an uncaught error from a %s ends its request and no other', async (source) => {
  const [others] = await startOtherRequests()
  const response = await requestFrom(source)
  expect(response.status).toBe(500)
  expect(JSON.parse(response.text)).toMatchObject({ code: 'internal', retryable: false })
  expect((await requestFrom('release')).status).toBe(200)
  expect((await others)?.map(({ status }) => status)).toEqual([200, 200])
  expect(server.output).toMatch(/"severity":"ERROR".*"code":"internal".*"requestId":/)
})

test('an uncaught error outside of a request ends the process after the requests in flight', async () => {
  const [others] = await startOtherRequests()
  await requestFrom('background').catch(() => undefined)
  await requestFrom('release').catch(() => undefined)
  await others?.catch(() => undefined)
  expect(await server.exited).toBe(1)
})
