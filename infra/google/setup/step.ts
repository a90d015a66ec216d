/** The model of setup and teardown: steps as data, for running, for a dry run, and for the docs. */
import type { Terminal } from '../../terminal/terminal.ts'

/** A value that may depend on what earlier steps have read. */
export type Lazy<T> = T | (() => T)

export type Command = readonly string[]

/** A read-only command. Its output is never printed, because it may be a secret. */
export interface CommandCheck {
  run: Command
  /** The output must match; the default is an exit code of 0. */
  matches?: RegExp
  /** The output must equal this text. */
  equals?: StepInput
}

/** Passed on standard input, never in the arguments. */
export interface StepInput {
  /** What it is, for the docs and error messages. */
  label: string
  text(): Promise<string> | string
}

/** What to do about a known failure of a program. */
export interface Advice {
  matches: RegExp
  text: string
}

export interface Step {
  name: string
  why: string
  /** The step is skipped unless this is true. */
  when?: () => boolean
  /** The step is skipped unless one of these passes. */
  onlyIf?: Lazy<readonly CommandCheck[]>
  /** The step is already done. */
  done?: () => boolean
  /** The step is already done if this passes. */
  unless?: Lazy<CommandCheck>
  command?: Lazy<Command>
  /** The program uses the terminal, to ask or to open a browser. */
  isInteractive?: true
  /** Every line of its output matters. */
  showsOutput?: true
  /** Runs every time, also for a plan, because it changes nothing in the cloud. */
  alwaysRun?: Lazy<Command>
  stdin?: StepInput
  /** A failure of the command does not stop setup. */
  allowFailure?: true
  advice?: readonly Advice[]
  /** Failures that end by themselves: the command runs again after a wait. */
  retryOn?: RegExp
  /** What the user must do if the step is not done; setup stops. */
  manualAction?: Lazy<string>
  /** Printed every time. */
  message?: Lazy<string>
  /** Reads something for the following steps; `output` is `undefined` when the command fails. */
  lookup?: { run: Lazy<Command>; read(output: string | undefined, error: string): void }
  /** Writes a local file; the content is deterministic. */
  write?: { file: string; content: () => string }
  /** A step in TypeScript; the commands that it may run are listed for the docs and for a dry run. */
  act?: {
    reads: readonly Lazy<Command>[]
    changes: readonly Lazy<Command>[]
    run(io: StepIo): Promise<ActResult>
  }
  /** Later steps do not depend on this one: a plan goes on without it. */
  isIndependent?: true
}

/** `changed`, or why nothing has changed. */
export type ActResult =
  | 'changed'
  | 'already done'
  | 'not required'
  | 'planned'
  | 'no changes'
  | 'confirmed'

export interface StepIo {
  terminal: Terminal
  /** Nothing may be changed. */
  planOnly: boolean
  /** Whether to apply without asking. */
  yes: boolean
  retryWaitMs: number
  /** Shows what the running step does. */
  progress(text: string): void
}

export function valueOf<T>(lazy: Lazy<T>): T {
  return typeof lazy === 'function' ? (lazy as () => T)() : lazy
}

/**
 * Template tag: splits a command line into its arguments, at the white space of the template and never
 * inside a value. An array is one argument per entry.
 */
export function argv(
  parts: TemplateStringsArray,
  ...values: (string | readonly string[])[]
): string[] {
  const args: string[] = ['']
  for (const [index, part] of parts.entries()) {
    const [first = '', ...rest] = part.split(/\s+/)
    args[args.length - 1] += first
    args.push(...rest)
    const value = values[index] ?? ''
    const [head = '', ...tail] = typeof value === 'string' ? [value] : value
    args[args.length - 1] += head
    args.push(...tail)
  }
  return args.filter((arg) => arg !== '')
}

/** Formats a command as shell input. */
export function formatCommand(run: Command, stdin?: StepInput): string {
  const args = run.map((arg) => (/^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg}'`))
  return `${args.join(' ')}${stdin === undefined ? '' : `  < (${stdin.label})`}`
}
