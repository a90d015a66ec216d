/** A terminal without control characters: one line for each task, and the output of programs as it is. */
import type { Writable } from 'node:stream'
import { CliError } from '../local/cli-error.ts'
import { elapsed } from './terminal.ts'
import type { Terminal } from './terminal.ts'

export function createPlainTerminal(stdout: Writable): Terminal {
  const print = (text: string): void => void stdout.write(`${text}\n`)
  return {
    isInteractive: false,
    start(title) {
      const startedAt = performance.now()
      let isStarted = false
      return {
        progress(text) {
          // The first line says what has started, for a log that is read while the task runs.
          print(isStarted ? text : `${title}: ${text}`)
          isStarted = true
        },
        release() {},
        end: ({ state }) => print(`${title}: ${state}${elapsed(startedAt)}`),
      }
    },
    print,
    async ask({ text, flag }) {
      throw new CliError(`Cannot ask "${text}" without a terminal: use ${flag}`)
    },
    async confirm(question) {
      throw new CliError(`Cannot ask "${question}" without a terminal: use --yes`)
    },
    summary(title, rows) {
      const width = Math.max(...rows.map(([label]) => label.length))
      print(
        ['', title, ...rows.map(([label, value]) => `  ${label.padEnd(width)}  ${value}`)].join(
          '\n',
        ),
      )
    },
  }
}
