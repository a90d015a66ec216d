/** The commands of docs/terminal.md and docs/ci.md, pasted into a shell. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../kit/process.ts'
import type { Run } from '../kit/process.ts'
import { startDriveway } from '../kit/environment.ts'
import type { Driveway } from '../kit/environment.ts'
import { decideDeviceRequest } from '../kit/device-flow.ts'
import { shellBlocks } from '../kit/shell-blocks.ts'

/** The shells of this machine; `sh` is on every one. */
const shells = [['sh'], ['dash'], ['bash', '--posix'], ['busybox', 'sh']].filter(
  ([command = '', ...args]) => spawnSync(command, [...args, '-c', 'exit 7']).status === 7,
)

let driveway: Driveway
let folder = ''

beforeAll(async () => {
  driveway = await startDriveway()
  folder = await mkdtemp(join(tmpdir(), 'driveway-readme-'))
})
afterAll(async () => {
  await driveway.close()
  await rm(folder, { recursive: true })
})

/** Starts a script of documented commands against this gateway, without the long waits. */
function shell([command = 'sh', ...args]: string[], lines: string[], after: string): Run {
  const { origin, google, session } = driveway
  const script = lines
    .join('\n')
    .replaceAll('http://localhost:8080', origin)
    .replace('http://127.0.0.1:…/ci', google.ci.issuer)
    .replace("'Cookie: __session=…'", `'Cookie: ${session['cookie'] ?? ''}'`)
  // A sleep takes one second instead of five.
  const quick = 'sleep() { command sleep 1; }\n'
  return run(command, [...args, '-c', `${quick}set -u\n${script}\n${after}`], {
    cwd: folder,
    forAPerson: true,
  })
}

describe.each(shells)('in %s', (...command) => {
  test('the sign-in commands of docs/terminal.md end with TOKEN set', async () => {
    const [recipe = '', list = ''] = await shellBlocks('docs/terminal.md', 'Sign in with a code')
    const terminal = shell(command, [recipe, list], 'echo "token: $TOKEN"')
    const said = await terminal.said(/Open \S+ and approve/)
    const [, code = ''] = /Open http\S+\/device\?user_code=([A-Z-]{9}) and/.exec(said) ?? []
    expect((await decideDeviceRequest(driveway, code)).status).toBe(204)
    expect(await terminal.ended).toBe(0)
    expect(terminal.output).toMatch(/Signed in\. \n/)
    expect(terminal.output).toMatch(/"files":\[.*"name":"hello\.txt"/)
    expect(terminal.output).toMatch(/^token: dw_[\w-]{49}$/m)
  })

  test('the sign-in commands end with a message when the request is denied', async () => {
    const [recipe = ''] = await shellBlocks('docs/terminal.md', 'Sign in with a code')
    const terminal = shell(command, [recipe], 'echo "token: <$TOKEN>"')
    const said = await terminal.said(/Open \S+ and approve/)
    const [, code = ''] = /user_code=([A-Z-]{9}) and/.exec(said) ?? []
    await decideDeviceRequest(driveway, code, { approve: false })
    expect(await terminal.ended).toBe(0)
    expect(terminal.output).toContain('The request was denied')
    expect(terminal.output).toContain('token: <>')
  })

  test('the sign-in commands end when the gateway does not respond', async () => {
    const [recipe = ''] = await shellBlocks('docs/terminal.md', 'Sign in with a code')
    const lost = recipe.replace('http://localhost:8080', 'http://127.0.0.1:1')
    const terminal = shell(command, [lost], 'echo "token: <$TOKEN>"')
    expect(await terminal.ended).toBe(0)
    expect(terminal.output).toContain('token: <>')
  })

  test('the commands of docs/ci.md upload from a job without a stored secret', async () => {
    const job = shell(command, await shellBlocks('docs/ci.md'), '')
    expect(await job.ended).toBe(0)
    expect(job.output).toMatch(/"audience":"http\S+\/ci\//)
    expect(job.output).toMatch(/"name":"now\.txt"/)
  })
})
