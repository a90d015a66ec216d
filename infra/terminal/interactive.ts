/** A terminal with a person: the running task has a spinner, its time and its last line of output. */
import * as clack from '@clack/prompts'
import { stripVTControlCharacters } from 'node:util'
import { CliError } from '../local/cli-error.ts'
import { elapsed } from './terminal.ts'
import type { Terminal, TerminalStreams } from './terminal.ts'

export function createInteractiveTerminal({ stdin, stdout }: TerminalStreams): Terminal {
  const streams = { input: stdin, output: stdout }
  let running: { title: string; spinner: clack.SpinnerResult } | undefined

  /** Hides the spinner while the terminal is used for something else. */
  const withoutSpinner = async <T>(use: () => Promise<T>): Promise<T> => {
    running?.spinner.clear()
    const result = await use()
    if (clack.isCancel(result)) throw new CliError('Cancelled')
    if (running) running.spinner.start(running.title)
    return result
  }

  return {
    isInteractive: true,
    start(title) {
      const startedAt = performance.now()
      const spinner = clack.spinner({ ...streams, indicator: 'timer' })
      spinner.start(title)
      const task = { title, spinner }
      running = task
      return {
        progress(text) {
          const line = stripVTControlCharacters(text).trim()
          if (running === task && line !== '') spinner.message(`${title}: ${shorten(line, stdout)}`)
        },
        release() {
          spinner.clear()
          running = undefined
        },
        end({ state, isFailure }) {
          if (running === task) spinner.clear()
          running = undefined
          const line = `${title}: ${state}${elapsed(startedAt)}`
          if (isFailure) clack.log.error(line, { output: stdout, spacing: 0 })
          else clack.log.success(line, { output: stdout, spacing: 0 })
        },
      }
    },
    print(text) {
      running?.spinner.clear()
      clack.log.message(text, { output: stdout, spacing: 0 })
      if (running) running.spinner.start(running.title)
    },
    async ask({ text, default: defaultAnswer, validate }) {
      const answer = await withoutSpinner(() =>
        clack.text({
          ...streams,
          message: text,
          placeholder: defaultAnswer,
          defaultValue: defaultAnswer,
          validate: (value) => validate?.((value ?? '').trim() || defaultAnswer),
        }),
      )
      return String(answer).trim()
    },
    async confirm(question, defaultAnswer) {
      const answer = await withoutSpinner(() =>
        clack.confirm({ ...streams, message: question, initialValue: defaultAnswer }),
      )
      return answer === true
    },
    summary(title, rows) {
      const width = Math.max(...rows.map(([label]) => label.length))
      const lines = rows.map(([label, value]) => `${label.padEnd(width)}  ${value}`)
      clack.note(lines.join('\n'), title, { output: stdout })
    },
  }
}

/** Shortens a line of output, so that the spinner stays on one line. */
function shorten(line: string, stdout: TerminalStreams['stdout']): string {
  const most = Math.max(20, (stdout.columns ?? 80) - 50)
  return line.length > most ? `${line.slice(0, most - 1)}…` : line
}
