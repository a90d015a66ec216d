/** `npm run doctor` as a program: its flags, its credentials, and what it ends with. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readOptions } from '../../../infra/doctor/options.ts'
import { signIn } from '../../../infra/local/sign-in.ts'
import { environment, root, run } from '../../kit/process.ts'
import { page, startTestDeployment } from './fixture.ts'
import type { TestDeployment } from './fixture.ts'

let ward: TestDeployment
/** A folder in which nothing was set up. */
let folder: string

beforeAll(async () => {
  ward = await startTestDeployment()
  folder = await mkdtemp(join(tmpdir(), 'driveway-doctor-run-'))
})
afterAll(async () => {
  await ward.close()
  await rm(folder, { recursive: true, force: true })
})

interface Ended {
  code: number | string
  output: string
}

async function doctor(args: string[], env: Record<string, string> = {}): Promise<Ended> {
  const script = join(root, 'infra/doctor/run.mjs')
  const program = run(process.execPath, [script, ...args], { env: environment(env), cwd: folder })
  const code = await program.ended
  return { code, output: program.output }
}

interface Report {
  ok: boolean
  checks: { name: string; ok?: boolean; cause?: string; fix?: string; command?: string }[]
}

describe('the program ends with', () => {
  test('0 where nothing is wrong, a session being as good as a token', async () => {
    const cookie = await signIn(ward.url, 'ada@example.com')
    const [, session = ''] = /__session=([^;]+)/.exec(cookie) ?? []
    const { code, output } = await doctor([ward.url, '--json', `--page=${page}`], {
      DRIVEWAY_SESSION: `__session=${session}`,
    })
    const { ok, checks } = JSON.parse(output) as Report
    expect([code, ok, checks.filter((check) => check.ok !== true)]).toEqual([0, true, []])
    const names = checks.map(({ name }) => name)
    expect(names).toEqual(
      expect.arrayContaining(['Operator', 'A page elsewhere', 'Upload by form, 1 byte']),
    )
    expect(output).not.toContain(session)
  }, 120_000)

  test('0 where what everybody sees is fine, and says what was not tried', async () => {
    const { code, output } = await doctor([`${ward.url}/`])
    expect(code).toBe(0)
    expect(output).toContain(`Examining ${ward.url}\n`)
    expect(output).toMatch(/\nNothing is wrong; fine: \d+; not tried: 2\n$/)
    expect(output).not.toContain('\x1b')
  })

  test('1 where something is wrong, with the commands of the project that was said', async () => {
    ward.front.spoil = ({ url = '' }, res) => {
      if (!url.startsWith('/auth')) return false
      res.writeHead(500).end()
      return true
    }
    const args = [ward.url, '--project=some-project']
    const { code, output } = await doctor(args)
    const json = await doctor([...args, '--json'])
    ward.front.spoil = undefined
    expect([code, json.code]).toEqual([1, 1])
    expect(output).toMatch(/^✗ .*\n {4}cause {4}.*\n {4}fix {6}.*\n {4}command {2}.*$/m)
    expect(output).toContain('--project=some-project')
    expect(output).toMatch(/\nWrong: \d+; fine: \d+/)
    const { ok, checks } = JSON.parse(json.output) as Report
    const wrong = checks.find((check) => check.ok === false)
    expect(ok).toBe(false)
    expect(wrong).toMatchObject({
      cause: expect.any(String),
      fix: expect.any(String),
      command: expect.any(String),
    })
  })

  test('2 where it cannot tell whom to examine, and says how it is called', async () => {
    const two = ['https://a.example', 'https://b.example']
    for (const args of [[], two, ['https://a.example', '--jsn'], ['--page'], ['--json=no']]) {
      const { code, output } = await doctor(args)
      expect([args, code]).toEqual([args, 2])
      expect(output).toContain('npm run doctor -- [URL] [flags]')
    }
    for (const args of [['ftp://a.example'], ['nonsense'], ['https://a.example', '--page=/path']]) {
      const { code, output } = await doctor(args)
      expect([args, code]).toEqual([args, 2])
      expect(output).toContain('it must look like https://drive.example.com')
    }
  })
})

test('without an address it goes where setup put Driveway', async () => {
  const elsewhere = join(folder, 'infra/google')
  await mkdir(elsewhere, { recursive: true })
  const written = { project: 'some-project', public_url: 'http://127.0.0.1:1' }
  await writeFile(join(elsewhere, 'driveway.auto.tfvars.json'), JSON.stringify(written))
  const { code, output } = await doctor([])
  await rm(join(folder, 'infra'), { recursive: true })
  expect(code).toBe(1)
  expect(output).toContain('Examining http://127.0.0.1:1\n')
  expect(output).toContain('✗ Reachable')
})

describe('what it is told', () => {
  const url = 'https://my-driveway.web.app'

  test('is an address, a page and a project; of the project, the address may tell', () => {
    expect(readOptions([url], {}, {})).toEqual({
      url,
      project: 'my-driveway',
      token: undefined,
      session: undefined,
      page: undefined,
      json: false,
    })
    const said = readOptions(
      [`${url}/`, '--project=p', '--page=https://your.site/', '--json'],
      {},
      { project: 'other', public_url: 'https://other.example' },
    )
    expect(said).toMatchObject({ url, project: 'p', page: 'https://your.site', json: true })
    expect(readOptions([], {}, { project: 'p1' })).toMatchObject({
      url: 'https://p1.web.app',
      project: 'p1',
    })
    expect(readOptions(['https://drive.example'], {}, {}).project).toBe('YOUR-PROJECT')
  })

  test.each([
    ['a token', { DRIVEWAY_TOKEN: 'canary-token' }, { token: 'canary-token' }],
    ['a session', { DRIVEWAY_SESSION: 'canary' }, { token: undefined, session: 'canary' }],
    ['its whole cookie', { DRIVEWAY_SESSION: '__session=canary' }, { session: 'canary' }],
    [
      'nothing in them',
      { DRIVEWAY_TOKEN: '', DRIVEWAY_SESSION: '' },
      { token: undefined, session: undefined },
    ],
  ])('comes from the environment: %s', (_, env, options) => {
    expect(readOptions([url], env, {})).toMatchObject(options)
  })
})
