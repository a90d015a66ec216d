/** Goes through steps: looks first, does what is not so yet, and says both. */
import { spawn } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { CliError } from '../../local/cli-error.ts'
import { formatCommand } from './step.ts'
import type { CommandCheck, LookupValues, Secret, Step } from './step.ts'

export interface StepIo {
  /** Reads or makes a secret at the moment that it is needed. */
  secret(name: Secret): Promise<string>
  print(line: string): void
}

/**
 * @returns how many steps changed something
 * @throws {CliError} when a step cannot be done, or a person has to do something
 */
export async function runSteps(
  steps: readonly Step[],
  { secret, print: say }: StepIo,
): Promise<number> {
  const found: LookupValues = { clientVersion: '0', keyringVersion: '0' }
  let changes = 0
  for (const [index, step] of steps.entries()) {
    const {
      name,
      onlyIf: needed,
      unless: done,
      command,
      stdin,
      manualAction: otherwise,
      message: tell,
      lookup: find,
      write,
      alwaysRun: prepare,
    } = step
    const title = `${index + 1}/${steps.length} ${name}`
    if (tell !== undefined) say(`${title}\n      ${tell.replaceAll('\n', '\n      ')}`)
    else if (find) {
      const { code, output } = await listen(find.run)
      // A secret that is not there yet has no version.
      found[find.as] = code === 0 && /^\d+$/.test(output.trim()) ? output.trim() : '0'
    } else if (prepare) {
      say(`${title}: ${formatCommand(prepare)}`)
      const code = await perform(prepare, undefined)
      if (code !== 0 && !step.allowFailure) throw new CliError(failure(step, prepare))
    } else if (needed && !(await anyOf(needed, secret))) say(`${title}: not needed`)
    else if (write) {
      if (await writeOnce(write.file, write.content(found))) say(`${title}: ${write.file} written`)
    } else if (done && (await holds(done, secret))) say(`${title}: is so`)
    else if (command) {
      say(`${title}: ${formatCommand(command, stdin)}`)
      const code = await perform(command, stdin === undefined ? undefined : await secret(stdin))
      if (code === 0) changes += 1
      else if (!step.allowFailure) throw new CliError(failure(step, command))
    } else if (otherwise !== undefined) throw new CliError(`${title}: ${otherwise}`)
  }
  return changes
}

function failure({ name, why, stdin }: Step, command: readonly string[]): string {
  return (
    `Stopped at "${name}" (${why}). What the program said is above; this is the line:\n` +
    `  ${formatCommand(command, stdin)}\nRun it again once that is mended: what is done is not done twice.`
  )
}

async function anyOf(checks: readonly CommandCheck[], secret: StepIo['secret']): Promise<boolean> {
  for (const check of checks) if (await holds(check, secret)) return true
  return false
}

async function holds(
  { run, matches: says, equalsSecret: saysSecret, expectFailure: fails }: CommandCheck,
  secret: StepIo['secret'],
): Promise<boolean> {
  const { code, output } = await listen(run)
  if (fails) return code !== 0
  if (code !== 0) return false
  if (saysSecret !== undefined) return output.trim() === (await secret(saysSecret)).trim()
  return says?.test(output) ?? true
}

/** What a program prints; nobody else sees it. One that is not there counts as failed. */
function listen(run: readonly string[]): Promise<{ code: number; output: string }> {
  const [program = '', ...args] = run
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.once('error', () => resolve({ code: 127, output }))
    child.once('close', (code) => resolve({ code: code ?? 1, output }))
  })
}

/** Runs a program before everybody's eyes; a secret goes in at its standard input. */
function perform(run: readonly string[], input: string | undefined): Promise<number> {
  const [program = '', ...args] = run
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      stdio: [input === undefined ? 'inherit' : 'pipe', 'inherit', 'inherit'],
    })
    child.once('error', () => resolve(127))
    child.once('close', (code) => resolve(code ?? 1))
    child.stdin?.on('error', () => undefined).end(input) // a program that ended without reading
  })
}

/** @returns whether there was anything to write */
async function writeOnce(file: string, content: string): Promise<boolean> {
  if ((await readFile(file, 'utf8').catch(() => undefined)) === content) return false
  await writeFile(file, content)
  return true
}
