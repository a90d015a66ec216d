/**
 * Parses every documented command with the real program. gcloud rejects an unknown command or flag with
 * exit code 2 before it authenticates; a known one fails with 1 for lack of an account.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from '../../kit/process.ts'
import { documentedCommands, doctorCommands, stepCommands } from './documented-commands.ts'

const gcloud = spawnSync('gcloud', ['version']).status === 0 ? test : test.skip
const terraform = spawnSync('terraform', ['version']).status === 0 ? test : test.skip
const skipNote = (program: string, tester: unknown): string =>
  tester === test.skip ? ` (${program} is not available)` : ''

let emptyFolder: string

beforeAll(async () => {
  emptyFolder = await mkdtemp(join(tmpdir(), 'driveway-commands-'))
  await writeFile(join(emptyFolder, 'keyring.json'), '{}')
})

afterAll(async () => {
  await rm(emptyFolder, { recursive: true })
})

/** Replaces a file argument by an existing file: gcloud reads it before it authenticates. */
const withExistingFile = (arg: string): string =>
  arg.replace(/=(keyring\.json)$/, (_, file: string) => `=${join(emptyFolder, file)}`)

interface ProgramResult {
  code: number
  output: string
}

function run([program = '', ...args]: string[], cwd = root): Promise<ProgramResult> {
  const env = {
    PATH: process.env['PATH'],
    HOME: emptyFolder,
    CLOUDSDK_CONFIG: emptyFolder,
    CLOUDSDK_CORE_DISABLE_PROMPTS: '1',
    TF_CLI_CONFIG_FILE: '/dev/null',
  }
  return new Promise((resolve) => {
    const child = execFile(program, args, { cwd, env }, (error, stdout, stderr) => {
      const code = error ? Number(error.code ?? 1) : 0
      resolve({ code, output: stdout + stderr })
    })
    child.stdin?.end()
  })
}

/** These open a browser or need no account. */
const withoutAccount = new Set(['gcloud auth login', 'gcloud auth list', 'gcloud version'])

const shape = (argv: string[]): string =>
  argv.map((arg) => arg.replace(/=.*/, '').replace(/driveway-(client|keyring)/, 'X')).join(' ')

/** Keeps one command per shape: the same command and flags, with any values. */
function uniqueShapes(lines: string[][]): string[][] {
  return [...new Map(lines.map((argv) => [shape(argv), argv])).values()]
}

const needsNoAccount = (argv: string[]): boolean =>
  withoutAccount.has(argv.slice(0, 3).join(' ')) || argv.includes('application-default')

async function allGcloudCommands(): Promise<string[][]> {
  const documented = [await documentedCommands(), await doctorCommands()].flat()
  const all = [...stepCommands(), ...documented].filter(([first]) => first === 'gcloud')
  return uniqueShapes(all.filter((argv) => !needsNoAccount(argv)))
}

gcloud(
  `gcloud accepts every command of setup, teardown, the doctor and the docs${skipNote('gcloud', gcloud)}`,
  async () => {
    const lines = await allGcloudCommands()
    expect(lines.length).toBeGreaterThan(20)
    // gcloud takes a second to start: run two at a time.
    const results: Promise<[string[], ProgramResult]>[] = []
    for (const [index, argv] of lines.entries()) {
      await results[index - 2]
      results.push(run(argv.map(withExistingFile)).then((result) => [argv, result]))
    }
    for (const [argv, { code, output }] of await Promise.all(results)) {
      const reason = /active account|credentials|auth login/.test(output)
        ? 'account required'
        : output
      expect([argv.join(' '), code, reason]).toEqual([argv.join(' '), 1, 'account required'])
    }
  },
  300_000,
)

test('doctorCommands() finds every command of the doctor and fills in its placeholders', async () => {
  const lines = await doctorCommands()
  expect(lines.length).toBeGreaterThan(12)
  expect(lines.filter((argv) => argv.some((arg) => /[${}'"]/.test(arg)))).toEqual([])
})

gcloud(
  `gcloud rejects an unknown command or flag${skipNote('gcloud', gcloud)}`,
  async () => {
    for (const line of [
      'gcloud run services update auth --cpu-bost',
      'gcloud secrets versions ad driveway-client --data-file=-',
      'gcloud storage buckets create gs://x --public-access-preventions',
    ]) {
      expect([line, (await run(line.split(' '))).code]).toEqual([line, 2])
    }
  },
  60_000,
)

terraform(
  `terraform accepts every flag of setup and teardown${skipNote('terraform', terraform)}`,
  async () => {
    const lines = uniqueShapes(stepCommands().filter(([first]) => first === 'terraform'))
    expect(lines.length).toBeGreaterThan(8)
    for (const argv of lines) {
      const { output } = await run(argv.map((arg) => arg.replace('infra/google', emptyFolder)))
      expect([argv.join(' '), output]).toEqual([
        argv.join(' '),
        expect.not.stringMatching(
          /flag provided but not defined|Invalid .*argument|Too many command line|Usage:/i,
        ),
      ])
    }
    const { output } = await run([
      'terraform',
      `-chdir=${emptyFolder}`,
      'plan',
      '-detailed-exitcodes',
    ])
    expect(output).toContain('flag provided but not defined')
  },
  60_000,
)
