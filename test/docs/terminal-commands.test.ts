/** The commands of docs/terminal.md and docs/ci.md work in each shell. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../kit/process.ts'
import type { RunningProgram } from '../kit/process.ts'
import { startDriveway } from '../kit/environment.ts'
import type { Driveway } from '../kit/environment.ts'
import { decideDeviceRequest } from '../kit/device-flow.ts'
import { shellBlocks } from '../kit/shell-blocks.ts'

/** The installed shells; `sh` is always installed. */
const shells = [['sh'], ['dash'], ['bash', '--posix'], ['busybox', 'sh']].filter(
  ([command = '', ...args]) => spawnSync(command, [...args, '-c', 'exit 7']).status === 7,
)

let driveway: Driveway
let folder = ''

beforeAll(async () => {
  driveway = await startDriveway()
  folder = await mkdtemp(join(tmpdir(), 'driveway-commands-'))
})
afterAll(async () => {
  await driveway.close()
  await rm(folder, { recursive: true })
})

/** Starts a script of documented commands against this gateway, without the long waits. */
function shell(
  [command = 'sh', ...args]: string[],
  lines: string[],
  after: string,
): RunningProgram {
  const { origin, google, session } = driveway
  const script = lines
    .join('\n')
    .replaceAll('http://localhost:8080', origin)
    .replace('http://127.0.0.1:…/ci', google.ci.issuer)
    .replace("'Cookie: __session=…'", `'Cookie: ${session['cookie'] ?? ''}'`)
  // A sleep takes one second instead of five.
  const shortSleep = 'sleep() { command sleep 1; }\n'
  return run(command, [...args, '-c', `${shortSleep}set -u\n${script}\n${after}`], {
    cwd: folder,
    isInteractive: true,
  })
}

describe.each(shells)('in %s', (...command) => {
  test('the sign-in commands of docs/terminal.md end with TOKEN set', async () => {
    const [signInCommands = '', listCommand = ''] = await shellBlocks(
      'docs/terminal.md',
      'Sign in with a code',
    )
    const terminal = shell(command, [signInCommands, listCommand], 'echo "token: $TOKEN"')
    const prompt = await terminal.waitForOutput(/Open \S+ and approve/)
    const [, code = ''] = /Open http\S+\/device\?user_code=([A-Z-]{9}) and/.exec(prompt) ?? []
    expect((await decideDeviceRequest(driveway, code)).status).toBe(204)
    expect(await terminal.exited).toBe(0)
    expect(terminal.output).toMatch(/Signed in\. \n/)
    expect(terminal.output).toMatch(/"files":\[.*"name":"hello\.txt"/)
    expect(terminal.output).toMatch(/^token: dw_[\w-]{49}$/m)
  })

  test('the sign-in commands end with a message when the request is denied', async () => {
    const [signInCommands = ''] = await shellBlocks('docs/terminal.md', 'Sign in with a code')
    const terminal = shell(command, [signInCommands], 'echo "token: <$TOKEN>"')
    const prompt = await terminal.waitForOutput(/Open \S+ and approve/)
    const [, code = ''] = /user_code=([A-Z-]{9}) and/.exec(prompt) ?? []
    await decideDeviceRequest(driveway, code, { approve: false })
    expect(await terminal.exited).toBe(0)
    expect(terminal.output).toContain('The request was denied')
    expect(terminal.output).toContain('token: <>')
  })

  test('the sign-in commands end when the gateway does not respond', async () => {
    const [signInCommands = ''] = await shellBlocks('docs/terminal.md', 'Sign in with a code')
    const unreachable = signInCommands.replace('http://localhost:8080', 'http://127.0.0.1:1')
    const terminal = shell(command, [unreachable], 'echo "token: <$TOKEN>"')
    expect(await terminal.exited).toBe(0)
    expect(terminal.output).toContain('token: <>')
  })

  test('the commands of docs/ci.md upload from a job without a stored secret', async () => {
    const job = shell(command, await shellBlocks('docs/ci.md'), '')
    expect(await job.exited).toBe(0)
    expect(job.output).toMatch(/"audience":"http\S+\/ci\//)
    expect(job.output).toMatch(/"name":"now\.txt"/)
  })
})
