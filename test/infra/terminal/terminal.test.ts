/** The terminal of setup, teardown and the doctor: with a person, and without one. */
import { describe, expect, test } from '@jest/globals'
import { PassThrough } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import { createInteractiveTerminal } from '../../../infra/terminal/interactive.ts'
import { createPlainTerminal } from '../../../infra/terminal/plain.ts'
import { createTerminal } from '../../../infra/terminal/create-terminal.ts'
import { elapsed } from '../../../infra/terminal/terminal.ts'
import type { Terminal } from '../../../infra/terminal/terminal.ts'

interface TestTerminal {
  terminal: Terminal
  /** Everything that was written, without colors and cursor movements. */
  written(): string
  raw(): string
  type(text: string): void
}

function createTest(create: typeof createInteractiveTerminal): TestTerminal {
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => undefined })
  const stdout = Object.assign(new PassThrough(), { isTTY: true, columns: 100 })
  let output = ''
  stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  return {
    terminal: create({ stdin, stdout }),
    written: () => stripVTControlCharacters(output),
    raw: () => output,
    type: (text) => void stdin.write(text),
  }
}

const plain = (): TestTerminal => createTest(({ stdout }) => createPlainTerminal(stdout))
const interactive = (): TestTerminal => createTest(createInteractiveTerminal)
const rejectsMars = (answer: string): string | undefined =>
  answer === 'mars1' ? 'not a region' : undefined
const ago = (seconds: number): string => elapsed(performance.now() - seconds * 1000 - 100)
const flushed = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const rows = [
  ['Page', 'https://a.example'],
  ['Dashboard', 'https://b.example'],
] as const

describe('a terminal without a person', () => {
  test('writes one plain line for each task, and the output of its program', async () => {
    const { terminal, raw } = plain()
    const task = terminal.start('1/2 Region')
    task.progress('gcloud regions list')
    task.progress('europe-west1')
    task.end({ state: 'done' })
    terminal.start('2/2 Page').end({ state: 'already done' })
    terminal.summary('Driveway is running', rows)
    await flushed()
    expect(raw()).toBe(
      '1/2 Region: gcloud regions list\neurope-west1\n1/2 Region: done\n2/2 Page: already done\n' +
        '\nDriveway is running\n  Page       https://a.example\n  Dashboard  https://b.example\n',
    )
  })

  test('asks nothing: the error names the flag that answers', async () => {
    const { terminal } = plain()
    const question = { text: 'Region', default: 'europe-west1', flag: '--region=…' }
    await expect(terminal.ask(question)).rejects.toThrow('use --region=…')
    await expect(terminal.confirm('Apply?', true)).rejects.toThrow('use --yes')
  })

  test.each([
    [false, true],
    [true, false],
  ])('is used when stdin is a terminal: %s, and stdout: %s', (input, output) => {
    const streams = {
      stdin: Object.assign(new PassThrough(), { isTTY: input }),
      stdout: Object.assign(new PassThrough(), { isTTY: output }),
    }
    expect(createTerminal(streams).isInteractive).toBe(false)
  })
})

describe('a terminal with a person', () => {
  test('shows the state of each task, and a failure', async () => {
    const { terminal, written } = interactive()
    const task = terminal.start('1/2 Functions')
    task.progress('google_cloudfunctions2_function.function["auth"]: Creating...')
    task.end({ state: 'done' })
    terminal.start('2/2 Page').end({ state: 'failed', isFailure: true })
    await flushed()
    expect(written()).toContain('1/2 Functions: done')
    expect(written()).toContain('2/2 Page: failed')
  })

  test('takes the default of a question for an empty answer', async () => {
    const { terminal, written, type } = interactive()
    const answer = terminal.ask({ text: 'Region', default: 'europe-west1', flag: '--region=…' })
    await flushed()
    type('\r')
    expect(await answer).toBe('europe-west1')
    expect(written()).toContain('Region')
  })

  test('takes the answer to a question, once it is valid', async () => {
    const { terminal, written, type } = interactive()
    const answer = terminal.ask({
      text: 'Region',
      default: '',
      flag: '--region=…',
      validate: rejectsMars,
    })
    await flushed()
    type('mars1')
    type('\r')
    await flushed()
    expect(written()).toContain('not a region')
    type('0')
    type('\r')
    expect(await answer).toBe('mars10')
  })

  test.each([
    ['\r', true, true],
    ['\r', false, false],
    ['n', true, false],
    ['y', false, true],
  ])('reads %j as the answer, with the default %s', async (key, defaultAnswer, expected) => {
    const { terminal, type } = interactive()
    const answer = terminal.confirm('Apply these changes?', defaultAnswer)
    await flushed()
    type(key)
    expect(await answer).toBe(expected)
  })

  test('ends with an error when a question is cancelled', async () => {
    const { terminal, type } = interactive()
    const answer = terminal.confirm('Apply these changes?', true)
    await flushed()
    type('\u0003')
    await expect(answer).rejects.toThrow('Cancelled')
  })

  test('shows the summary', async () => {
    const { terminal, written } = interactive()
    terminal.summary('Driveway is running', rows)
    await flushed()
    expect(written()).toContain('Driveway is running')
    expect(written()).toMatch(/Dashboard +https:\/\/b\.example/)
  })
})

test('elapsed() shows seconds, and minutes from one minute on', () => {
  expect([ago(0), ago(59), ago(125)]).toEqual(['', ' (59 s)', ' (2 min 5 s)'])
})
