/**
 * The real parsers read every line: gcloud refuses what it does not know with exit code 2, before it
 * asks who you are; what it knows ends for want of an account.
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
const without = (program: string, tester: unknown): string =>
  tester === test.skip ? ` (no ${program} here)` : ''

let empty: string

beforeAll(async () => {
  empty = await mkdtemp(join(tmpdir(), 'driveway-nobody-'))
  await writeFile(join(empty, 'keyring.json'), '{}')
})

afterAll(async () => {
  await rm(empty, { recursive: true })
})

/** gcloud looks into a file that is to be sent before it asks who you are. */
const atHand = (word: string): string =>
  word.replace(/=(keyring\.json)$/, (_, file: string) => `=${join(empty, file)}`)

interface Outcome {
  code: number
  output: string
}

function run([program = '', ...args]: string[], cwd = root): Promise<Outcome> {
  const env = {
    PATH: process.env['PATH'],
    HOME: empty,
    CLOUDSDK_CONFIG: empty,
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

/** These talk to a browser or to nobody at all. */
const withoutAccount = new Set(['gcloud auth login', 'gcloud auth list', 'gcloud version'])

const shape = (words: string[]): string =>
  words.map((word) => word.replace(/=.*/, '').replace(/driveway-(client|keyring)/, 'X')).join(' ')

/** One of each shape: the same flags of the same command, whatever their values. */
function shapes(lines: string[][]): string[][] {
  return [...new Map(lines.map((words) => [shape(words), words])).values()]
}

const alone = (words: string[]): boolean =>
  withoutAccount.has(words.slice(0, 3).join(' ')) || words.includes('application-default')

async function everyGcloudLine(): Promise<string[][]> {
  const told = [await documentedCommands(), await doctorCommands()].flat()
  const all = [...stepCommands(), ...told].filter(([first]) => first === 'gcloud')
  return shapes(all.filter((words) => !alone(words)))
}

gcloud(
  `gcloud knows every line of setup, teardown, the doctor and the docs${without('gcloud', gcloud)}`,
  async () => {
    const lines = await everyGcloudLine()
    expect(lines.length).toBeGreaterThan(20)
    // gcloud takes a second to start: two at a time.
    const outcomes: Promise<[string[], Outcome]>[] = []
    for (const [index, words] of lines.entries()) {
      await outcomes[index - 2]
      outcomes.push(run(words.map(atHand)).then((outcome) => [words, outcome]))
    }
    for (const [words, { code, output }] of await Promise.all(outcomes)) {
      const ended = /active account|credentials|auth login/.test(output)
        ? 'for want of an account'
        : output
      expect([words.join(' '), code, ended]).toEqual([words.join(' '), 1, 'for want of an account'])
    }
  },
  300_000,
)

test('of the doctor’s commands, none is missed', async () => {
  const lines = await doctorCommands()
  expect(lines.length).toBeGreaterThan(12)
  expect(lines.filter((words) => words.some((word) => /[${}'"]/.test(word)))).toEqual([])
})

gcloud(
  `a line that gcloud does not know is found${without('gcloud', gcloud)}`,
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
  `terraform knows every flag of setup and teardown${without('terraform', terraform)}`,
  async () => {
    const lines = shapes(stepCommands().filter(([first]) => first === 'terraform'))
    expect(lines.length).toBeGreaterThan(8)
    for (const words of lines) {
      const { output } = await run(words.map((word) => word.replace('infra/google', empty)))
      expect([words.join(' '), output]).toEqual([
        words.join(' '),
        expect.not.stringMatching(
          /flag provided but not defined|Invalid .*argument|Too many command line|Usage:/i,
        ),
      ])
    }
    const { output } = await run(['terraform', `-chdir=${empty}`, 'plan', '-detailed-exitcodes'])
    expect(output).toContain('flag provided but not defined')
  },
  60_000,
)
