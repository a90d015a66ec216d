/** Errors that stray from a request, in a process of their own: Jest's own would catch them first. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { build } from 'esbuild'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { end, environment, freePorts, root, run } from '../../kit/process.ts'
import type { Run } from '../../kit/process.ts'
import { until } from '../../kit/wait-for.ts'

const framework = join(root, 'node_modules/@google-cloud/functions-framework/build/src/main.js')
/** Below the project, so that its packages are found from there. */
const program = join(root, `dist/test/straying-${process.pid}.mjs`)

const ways = [
  'timer',
  'immediate',
  'tick',
  'rejection',
  'late rejection',
  'error event',
  'answer of another server',
]

let served: Run
let origin: string

const ask = async (how: string): Promise<{ status: number; text: string }> => {
  const answer = await fetch(`${origin}/?how=${encodeURIComponent(how)}`)
  return { status: answer.status, text: await answer.text() }
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
  const args = [framework, '--target=straying', `--source=${program}`, `--port=${port}`]
  served = run(process.execPath, args, {
    env: environment({ NODE_ENV: 'production' }),
  })
  const ended = served.ended.then((how) => `Ended (${how}): ${served.output}`)
  await until(async () => {
    const answer = await Promise.race([fetch(`${origin}/?how=fine`).catch(() => {}), ended])
    if (typeof answer === 'string') throw new Error(answer)
    return answer
  })
})

afterAll(async () => {
  await end(served)
  await rm(program, { force: true })
})

/** Two requests that wait, and what is heard of them. */
const othersWaiting = async (): Promise<Promise<{ status: number }[]>[]> => {
  const others = Promise.all([ask('waits'), ask('waits')])
  while ((await ask('fine')).text !== '2') await new Promise((resolve) => setTimeout(resolve, 5))
  return [others]
}

test.each(ways)('an error from a %s ends its request and no other (case 93)', async (how) => {
  const [others] = await othersWaiting()
  const answer = await ask(how)
  expect(answer.status).toBe(500)
  expect(JSON.parse(answer.text)).toMatchObject({ code: 'internal', retryable: false })
  expect((await ask('let go')).status).toBe(200)
  expect((await others)?.map(({ status }) => status)).toEqual([200, 200])
  expect(served.output).toMatch(/"severity":"ERROR".*"code":"internal".*"requestId":/)
})

test('what strays from no request ends the process, once the others have their answers', async () => {
  const [others] = await othersWaiting()
  await ask('nobody').catch(() => undefined)
  await ask('let go').catch(() => undefined)
  await others?.catch(() => undefined)
  expect(await served.ended).toBe(1)
})
