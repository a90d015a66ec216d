/** The README's lines for a terminal and for CI, pasted into a shell. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../kit/process.ts'
import type { Run } from '../kit/process.ts'
import { startDriveway } from '../kit/environment.ts'
import type { Driveway } from '../kit/environment.ts'
import { decide } from '../kit/device-flow.ts'
import { linesOf } from '../kit/readme.ts'

/** Whichever shells are here; `sh` is everywhere. */
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

/** Starts a script that has the lines of the README in it, for this Driveway, and no long waits. */
function shell([command = 'sh', ...args]: string[], lines: string[], after: string): Run {
  const { origin, google, session } = driveway
  const script = lines
    .join('\n')
    .replaceAll('http://localhost:8080', origin)
    .replace('http://127.0.0.1:…/ci', google.ci.issuer)
    .replace("'Cookie: __session=…'", `'Cookie: ${session['cookie'] ?? ''}'`)
  // A fast clock: a sleep of one second for each five.
  const quick = 'sleep() { command sleep 1; }\n'
  return run(command, [...args, '-c', `${quick}set -u\n${script}\n${after}`], {
    cwd: folder,
    forAPerson: true,
  })
}

describe.each(shells)('in %s', (...command) => {
  test('a sign-in by code ends with TOKEN set', async () => {
    const [recipe = '', list = ''] = await linesOf('Use it from curl')
    const terminal = shell(command, [recipe, list], 'echo "token: $TOKEN"')
    const said = await terminal.said(/Open \S+ and approve/)
    const [, code = ''] = /Open http\S+\/device\?user_code=([A-Z-]{9}) and/.exec(said) ?? []
    expect((await decide(driveway, code)).status).toBe(204)
    expect(await terminal.ended).toBe(0)
    expect(terminal.output).toMatch(/Signed in\. \n/)
    expect(terminal.output).toMatch(/"files":\[.*"name":"hello\.txt"/)
    expect(terminal.output).toMatch(/^token: dw_[\w-]{49}$/m)
  })

  test('a refusal ends it too, and says so', async () => {
    const [recipe = ''] = await linesOf('Use it from curl')
    const terminal = shell(command, [recipe], 'echo "token: <$TOKEN>"')
    const said = await terminal.said(/Open \S+ and approve/)
    const [, code = ''] = /user_code=([A-Z-]{9}) and/.exec(said) ?? []
    await decide(driveway, code, { approve: false })
    expect(await terminal.ended).toBe(0)
    expect(terminal.output).toContain('The request was denied')
    expect(terminal.output).toContain('token: <>')
  })

  test('a gateway that is gone ends it as well', async () => {
    const [recipe = ''] = await linesOf('Use it from curl')
    const lost = recipe.replace('http://localhost:8080', 'http://127.0.0.1:1')
    const terminal = shell(command, [lost], 'echo "token: <$TOKEN>"')
    expect(await terminal.ended).toBe(0)
    expect(terminal.output).toContain('token: <>')
  })

  test('a job of a CI system uploads without a secret', async () => {
    const job = shell(command, await linesOf('Use it from CI'), '')
    expect(await job.ended).toBe(0)
    expect(job.output).toMatch(/"audience":"http\S+\/ci\//)
    expect(job.output).toMatch(/"name":"now\.txt"/)
  })
})
