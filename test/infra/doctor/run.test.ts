/** `npm run doctor` as a program: its flags, credentials and exit codes. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readOptions } from '../../../infra/doctor/options.ts'
import { signIn } from '../../../infra/local/sign-in.ts'
import { environment, root, run } from '../../kit/process.ts'
import { allowedOrigin, startTestDeployment } from './fixture.ts'
import type { TestDeployment } from './fixture.ts'

let deployment: TestDeployment
/** A working directory without the variables of setup. */
let folder: string

beforeAll(async () => {
  deployment = await startTestDeployment()
  folder = await mkdtemp(join(tmpdir(), 'driveway-doctor-run-'))
})
afterAll(async () => {
  await deployment.close()
  await rm(folder, { recursive: true, force: true })
})

interface ProgramResult {
  code: number | string
  output: string
}

async function doctor(args: string[], env: Record<string, string> = {}): Promise<ProgramResult> {
  const script = join(root, 'infra/doctor/run.mjs')
  const program = run(process.execPath, [script, ...args], { env: environment(env), cwd: folder })
  const code = await program.exited
  return { code, output: program.output }
}

interface Report {
  ok: boolean
  checks: { name: string; ok?: boolean; cause?: string; fix?: string; command?: string }[]
}

describe('npm run doctor', () => {
  test('npm run doctor exits with 0 when every check passes, with a session in place of a token', async () => {
    const cookie = await signIn(deployment.url, 'ada@example.com')
    const [, session = ''] = /__session=([^;]+)/.exec(cookie) ?? []
    const { code, output } = await doctor(
      [
        deployment.url,
        '--json',
        `--origin=${allowedOrigin}`,
        `--function-url=${deployment.driveway.origin}`,
      ],
      {
        DRIVEWAY_SESSION: `__session=${session}`,
      },
    )
    const { ok, checks } = JSON.parse(output) as Report
    expect([code, ok, checks.filter((check) => check.ok !== true)]).toEqual([0, true, []])
    const names = checks.map(({ name }) => name)
    expect(names).toEqual(
      expect.arrayContaining(['Operator', 'Allowed origin', 'Upload by form, 1 byte']),
    )
    expect(output).not.toContain(session)
  }, 120_000)

  test('npm run doctor exits with 0 when the public checks pass, and lists the skipped ones', async () => {
    const { code, output } = await doctor([`${deployment.url}/`])
    expect(code).toBe(0)
    expect(output).toContain(`Checking ${deployment.url}\n`)
    expect(output).toMatch(/\nFailed: 0, passed: \d+, skipped: 2\n$/)
    expect(output).not.toContain('\x1b')
  })

  test('npm run doctor exits with 1 when a check fails, and prints commands for the given project', async () => {
    deployment.frontEnd.intercept = ({ url = '' }, res) => {
      if (!url.startsWith('/auth')) return false
      res.writeHead(500).end()
      return true
    }
    const args = [deployment.url, '--project=some-project']
    const { code, output } = await doctor(args)
    const json = await doctor([...args, '--json'])
    deployment.frontEnd.intercept = undefined
    expect([code, json.code]).toEqual([1, 1])
    expect(output).toMatch(/^✗ .*\n {4}cause {4}.*\n {4}fix {6}.*\n {4}command {2}.*$/m)
    expect(output).toContain('--project=some-project')
    expect(output).toMatch(/\nFailed: [1-9]\d*, passed: \d+/)
    const { ok, checks } = JSON.parse(json.output) as Report
    const failed = checks.find((check) => check.ok === false)
    expect(ok).toBe(false)
    expect(failed).toMatchObject({
      cause: expect.any(String),
      fix: expect.any(String),
      command: expect.any(String),
    })
  })

  test('npm run doctor exits with 2 on invalid arguments, and prints its usage', async () => {
    const two = ['https://a.example', 'https://b.example']
    for (const args of [[], two, ['https://a.example', '--jsn'], ['--origin'], ['--json=no']]) {
      const { code, output } = await doctor(args)
      expect([args, code]).toEqual([args, 2])
      expect(output).toContain('npm run doctor -- [URL] [flags]')
    }
    for (const args of [
      ['ftp://a.example'],
      ['nonsense'],
      ['https://a.example', '--origin=/path'],
    ]) {
      const { code, output } = await doctor(args)
      expect([args, code]).toEqual([args, 2])
      expect(output).toContain('it must look like https://drive.example.com')
    }
  })
})

test('npm run doctor without a URL checks the one that setup deployed', async () => {
  const setupFolder = join(folder, '.driveway')
  await mkdir(setupFolder, { recursive: true })
  const deployed = { project: 'some-project', url: 'http://127.0.0.1:1' }
  await writeFile(join(setupFolder, 'production.json'), JSON.stringify(deployed))
  await writeFile(join(setupFolder, 'staging.json'), '{"url":"http://127.0.0.1:2"}')
  const { code, output } = await doctor([])
  const staging = await doctor(['--env=staging'])
  await rm(setupFolder, { recursive: true })
  expect(staging.output).toContain('Checking http://127.0.0.1:2\n')
  expect(code).toBe(1)
  expect(output).toContain('Checking http://127.0.0.1:1\n')
  expect(output).toContain('✗ Reachable')
})

describe('readOptions()', () => {
  const url = 'https://my-driveway.web.app'

  test('readOptions() reads the URL, an origin and a project, and derives the project from the URL', () => {
    expect(readOptions([url], {}, {})).toEqual({
      url,
      project: 'my-driveway',
      token: undefined,
      session: undefined,
      allowedOrigin: undefined,
      json: false,
    })
    const options = readOptions(
      [`${url}/`, '--project=p', '--origin=https://your.site/', '--json'],
      {},
      { project: 'other', url: 'https://other.example' },
    )
    expect(options).toMatchObject({
      url,
      project: 'p',
      allowedOrigin: 'https://your.site',
      json: true,
    })
    const deployed = {
      project: 'p1',
      url: 'https://p1-driveway.web.app',
      functionUrl: 'https://driveway-auth-1.europe-west1.run.app',
    }
    expect(readOptions([], {}, deployed)).toMatchObject(deployed)
    expect(readOptions([url], {}, deployed).functionUrl).toBeUndefined()
    expect(readOptions(['https://drive.example'], {}, {}).project).toBe('YOUR-PROJECT')
  })

  test.each([
    ['a token', { DRIVEWAY_TOKEN: 'canary-token' }, { token: 'canary-token' }],
    ['a session', { DRIVEWAY_SESSION: 'canary' }, { token: undefined, session: 'canary' }],
    [
      'a session with its cookie name',
      { DRIVEWAY_SESSION: '__session=canary' },
      { session: 'canary' },
    ],
    [
      'empty variables',
      { DRIVEWAY_TOKEN: '', DRIVEWAY_SESSION: '' },
      { token: undefined, session: undefined },
    ],
  ])('readOptions() reads the credential from the environment: %s', (_, env, options) => {
    expect(readOptions([url], env, {})).toMatchObject(options)
  })
})
