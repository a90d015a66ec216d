/** Runs other programs. */
import { spawn } from 'node:child_process'
import type { StdioOptions } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Command } from './step.ts'

export interface ProgramResult {
  code: number
  stdout: string
  stderr: string
}

/** Runs a program without printing its output, which may be a secret. A missing program exits with 127. */
export async function capture(run: Command, input?: string): Promise<ProgramResult> {
  const output = { stdout: '', stderr: '' }
  const code = await execute(run, input, ['pipe', 'pipe', 'pipe'], (name, text) => {
    output[name] += text
  })
  return { code, ...output }
}

/** Runs a program and passes on each line of its output. */
export async function stream(
  run: Command,
  input: string | undefined,
  onLine: (line: string) => void,
): Promise<{ code: number; output: string }> {
  let output = ''
  const code = await execute(
    run,
    input,
    ['pipe', 'pipe', 'pipe'],
    (_, text) => {
      output += text
    },
    onLine,
  )
  return { code, output }
}

/** Runs a program that uses the terminal itself. */
export async function runInTerminal(run: Command): Promise<number> {
  return execute(run, undefined, 'inherit')
}

function execute(
  [program = '', ...args]: Command,
  input: string | undefined,
  stdio: StdioOptions,
  onText?: (name: 'stdout' | 'stderr', text: string) => void,
  onLine?: (line: string) => void,
): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio })
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]?.setEncoding('utf8').on('data', (text: string) => onText?.(name, text))
      if (child[name] && onLine) createInterface({ input: child[name] }).on('line', onLine)
    }
    child.once('error', () => resolve(127))
    child.once('close', (code) => resolve(code ?? 1))
    child.stdin?.on('error', () => undefined).end(input) // EPIPE: the program did not read its input
  })
}
