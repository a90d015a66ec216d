/** Runs steps: checks first whether a step is done, then does it, and shows both. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Task } from '../../terminal/terminal.ts'
import { CliError } from '../../local/cli-error.ts'
import { capture, runInTerminal, stream } from './programs.ts'
import { formatCommand, valueOf } from './step.ts'
import type { Command, CommandCheck, Step, StepIo } from './step.ts'

const maxAttempts = 5
const notRequired = 'failed, and setup goes on'

/** A plan that cannot go on, because the next step needs what this one would make. */
export class PlanEnd extends Error {}

/**
 * @returns how many steps changed something
 * @throws {CliError} when a step fails or needs a manual action
 * @throws {PlanEnd} when a plan ends early
 */
export async function runSteps(
  steps: readonly Step[],
  io: Omit<StepIo, 'progress'>,
): Promise<number> {
  let changes = 0
  for (const [index, step] of steps.entries()) {
    const title = `${index + 1}/${steps.length} ${step.name}`
    if (step.message !== undefined) {
      if (step.when?.() ?? true)
        io.terminal.print(`${title}\n      ${indented(valueOf(step.message))}`)
      continue
    }
    const task = io.terminal.start(title)
    try {
      const state = await runStep(step, task, { ...io, progress: (text) => task.progress(text) })
      task.end({ state })
      if (state === 'done') changes += 1
    } catch (error) {
      task.end({ state: error instanceof PlanEnd ? 'would run' : 'failed', isFailure: true })
      throw error
    }
  }
  return changes
}

const indented = (text: string): string => text.replaceAll('\n', '\n      ')

/** @returns the state, for the user; `done` when something has changed */
async function runStep(step: Step, task: Task, io: StepIo): Promise<string> {
  const { when, onlyIf, done, unless, lookup, write, act, alwaysRun, command, manualAction } = step
  if (when && !when()) return 'not required'
  if (lookup) {
    const { code, stdout, stderr } = await capture(valueOf(lookup.run))
    lookup.read(code === 0 ? stdout : undefined, `${stdout}\n${stderr}`)
    return 'read'
  }
  if (onlyIf && !(await anyPasses(valueOf(onlyIf)))) return 'not required'
  if (write) return (await writeIfChanged(write.file, write.content())) ? 'written' : 'already done'
  if (done?.()) return 'already done'
  if (unless && (await passes(valueOf(unless)))) return 'already done'
  if (act) {
    const result = await act.run(io)
    if (result === 'planned') return 'would run'
    return result === 'changed' ? 'done' : result
  }
  if (alwaysRun) {
    return (await runCommand(step, valueOf(alwaysRun), task, io)) ? 'ready' : notRequired
  }
  if (command) {
    const run = valueOf(command)
    if (io.planOnly) {
      io.progress(`would run ${formatCommand(run, step.stdin)}`)
      if (step.isIndependent) return 'would run'
      throw new PlanEnd(`"${step.name}" is not done yet, and what follows depends on it`)
    }
    return (await runCommand(step, run, task, io)) ? 'done' : notRequired
  }
  throw new CliError(`${step.name}: ${valueOf(manualAction ?? 'is not done')}`)
}

/** @returns whether the command succeeded */
async function runCommand(step: Step, run: Command, task: Task, io: StepIo): Promise<boolean> {
  const { stdin, advice = [], retryOn } = step
  for (let attempt = 1; ; attempt += 1) {
    task.progress(formatCommand(run, stdin))
    if (step.isInteractive) {
      if (!io.terminal.isInteractive) {
        throw new CliError(`${step.name}: run this in a terminal first:  ${formatCommand(run)}`)
      }
      task.release()
      if ((await runInTerminal(run)) === 0) return true
      throw new CliError(failureMessage(step, run, '', ''))
    }
    const show = (line: string): void =>
      step.showsOutput ? io.terminal.print(line) : task.progress(line)
    const { code, output } = await stream(run, await stdin?.text(), show)
    if (code === 0) return true
    if (retryOn?.test(output) && attempt < maxAttempts) {
      task.progress(
        `This can take effect a little later. Trying again in ${io.retryWaitMs / 1000} s`,
      )
      await sleep(io.retryWaitMs)
      continue
    }
    if (step.allowFailure) return false
    const known = advice.find(({ matches }) => matches.test(output))
    throw new CliError(
      failureMessage(step, run, io.terminal.isInteractive ? output : '', known?.text ?? ''),
    )
  }
}

/** @param output of the program, when the terminal has not shown all of it */
export function failureMessage(
  { name, why, stdin }: Pick<Step, 'name' | 'why' | 'stdin'>,
  command: Command,
  output: string,
  advice: string,
): string {
  return [
    ...(output.trim() === '' ? [] : [output.trim(), '']),
    `Stopped at "${name}" (${why}). The error is printed above. The command was:`,
    `  ${formatCommand(command, stdin)}`,
    ...(advice === '' ? [] : [advice]),
    'Fix the error and run this again: completed steps are skipped.',
  ].join('\n')
}

async function anyPasses(checks: readonly CommandCheck[]): Promise<boolean> {
  for (const check of checks) if (await passes(check)) return true
  return false
}

async function passes({ run, matches, equals }: CommandCheck): Promise<boolean> {
  const { code, stdout } = await capture(run)
  if (code !== 0) return false
  if (equals !== undefined) return stdout.trim() === (await equals.text()).trim()
  return matches?.test(stdout) ?? true
}

/** @returns whether the content has changed */
async function writeIfChanged(file: string, content: string): Promise<boolean> {
  if ((await readFile(file, 'utf8').catch(() => undefined)) === content) return false
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, content, { mode: 0o600 })
  return true
}
