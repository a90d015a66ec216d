/** Runs steps: checks first whether a step is done, then does it, and prints both. */
import { spawn } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { CliError } from '../../local/cli-error.ts'
import { formatCommand } from './step.ts'
import type { CommandCheck, LookupValues, Secret, Step } from './step.ts'

export interface StepIo {
  /** Reads or generates a secret when it is needed. */
  secret(name: Secret): Promise<string>
  print(text: string): void
}

/**
 * @returns how many steps changed something
 * @throws {CliError} when a step fails or needs a manual action
 */
export async function runSteps(steps: readonly Step[], { secret, print }: StepIo): Promise<number> {
  const values: LookupValues = { clientVersion: '0', keyringVersion: '0' }
  let changes = 0
  for (const [index, step] of steps.entries()) {
    const { name, onlyIf, unless, command, stdin, manualAction, message, lookup } = step
    const { write, alwaysRun } = step
    const title = `${index + 1}/${steps.length} ${name}`
    if (message !== undefined) print(`${title}\n      ${message.replaceAll('\n', '\n      ')}`)
    else if (lookup) {
      const { code, output } = await captureOutput(lookup.run)
      // A secret that does not exist yet has no version.
      values[lookup.as] = code === 0 && /^\d+$/.test(output.trim()) ? output.trim() : '0'
    } else if (alwaysRun) {
      print(`${title}: ${formatCommand(alwaysRun)}`)
      const code = await runCommand(alwaysRun, undefined)
      if (code !== 0 && !step.allowFailure) throw new CliError(failureMessage(step, alwaysRun))
    } else if (onlyIf && !(await anyPasses(onlyIf, secret))) print(`${title}: not required`)
    else if (write) {
      const isChanged = await writeIfChanged(write.file, write.content(values))
      if (isChanged) print(`${title}: ${write.file} written`)
    } else if (unless && (await passes(unless, secret))) print(`${title}: already done`)
    else if (command) {
      print(`${title}: ${formatCommand(command, stdin)}`)
      const code = await runCommand(command, stdin === undefined ? undefined : await secret(stdin))
      if (code === 0) changes += 1
      else if (!step.allowFailure) throw new CliError(failureMessage(step, command))
    } else if (manualAction !== undefined) throw new CliError(`${title}: ${manualAction}`)
  }
  return changes
}

function failureMessage({ name, why, stdin }: Step, command: readonly string[]): string {
  return (
    `Stopped at "${name}" (${why}). The error is printed above. The command was:\n` +
    `  ${formatCommand(command, stdin)}\nFix the error and run this again: completed steps are skipped.`
  )
}

async function anyPasses(
  checks: readonly CommandCheck[],
  secret: StepIo['secret'],
): Promise<boolean> {
  for (const check of checks) if (await passes(check, secret)) return true
  return false
}

async function passes(
  { run, matches, equalsSecret, expectFailure }: CommandCheck,
  secret: StepIo['secret'],
): Promise<boolean> {
  const { code, output } = await captureOutput(run)
  if (expectFailure) return code !== 0
  if (code !== 0) return false
  if (equalsSecret !== undefined) return output.trim() === (await secret(equalsSecret)).trim()
  return matches?.test(output) ?? true
}

/** Runs a program and returns its output without printing it. A missing program exits with 127. */
function captureOutput(run: readonly string[]): Promise<{ code: number; output: string }> {
  const [program = '', ...args] = run
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.once('error', () => resolve({ code: 127, output }))
    child.once('close', (code) => resolve({ code: code ?? 1, output }))
  })
}

/** Runs a program in the terminal, with `input` on its standard input. */
function runCommand(run: readonly string[], input: string | undefined): Promise<number> {
  const [program = '', ...args] = run
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      stdio: [input === undefined ? 'inherit' : 'pipe', 'inherit', 'inherit'],
    })
    child.once('error', () => resolve(127))
    child.once('close', (code) => resolve(code ?? 1))
    child.stdin?.on('error', () => undefined).end(input) // EPIPE: the program did not read its input
  })
}

/** @returns whether the content has changed */
async function writeIfChanged(file: string, content: string): Promise<boolean> {
  if ((await readFile(file, 'utf8').catch(() => undefined)) === content) return false
  await writeFile(file, content)
  return true
}
