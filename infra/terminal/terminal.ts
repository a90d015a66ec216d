/** The terminal of a command: tasks with their state and time, questions, and a summary. */
import type { Readable, Writable } from 'node:stream'

export interface Terminal {
  /** Whether a person can answer questions. */
  readonly isInteractive: boolean
  /** Starts a task; it must end before the next one starts. */
  start(title: string): Task
  print(text: string): void
  /** @throws {CliError} when nobody can answer */
  ask(question: Question): Promise<string>
  /** @throws {CliError} when nobody can answer */
  confirm(question: string, defaultAnswer: boolean): Promise<boolean>
  summary(title: string, rows: readonly (readonly [label: string, value: string])[]): void
}

export interface Question {
  text: string
  default: string
  /** @returns what is wrong with the answer */
  validate?(answer: string): string | undefined
  /** The flag that answers the question. */
  flag: string
}

export interface Task {
  /** Shows what the task does now: a command, or a line of its output. */
  progress(text: string): void
  /** Leaves the terminal to a program until the task ends. */
  release(): void
  end(result: TaskResult): void
}

export interface TaskResult {
  /** Such as `done`, `already done` or `failed`. */
  state: string
  isFailure?: boolean
}

export interface TerminalStreams {
  stdin: Readable & { isTTY?: boolean }
  stdout: Writable & { isTTY?: boolean; columns?: number }
}

/** Formats a duration: nothing below one second. */
export function elapsed(startedAt: number): string {
  const seconds = Math.floor((performance.now() - startedAt) / 1000)
  if (seconds < 1) return ''
  return seconds < 60 ? ` (${seconds} s)` : ` (${Math.floor(seconds / 60)} min ${seconds % 60} s)`
}
