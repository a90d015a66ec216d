/** Chooses the terminal of a command. */
import { isCI } from '@clack/prompts'
import { createInteractiveTerminal } from './interactive.ts'
import { createPlainTerminal } from './plain.ts'
import type { Terminal, TerminalStreams } from './terminal.ts'

/** Without a terminal, or in CI, every task is a plain line and no question is asked. */
export function createTerminal(streams: TerminalStreams = process): Terminal {
  const isTerminal = streams.stdin.isTTY === true && streams.stdout.isTTY === true && !isCI()
  return isTerminal ? createInteractiveTerminal(streams) : createPlainTerminal(streams.stdout)
}
