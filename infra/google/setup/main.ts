/**
 * `npm run setup` and `npm run teardown`: deploy Driveway to a Google Cloud project, and remove it.
 * The npm scripts run the build (`infra/local/build.mjs`) first.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { CliError } from '../../local/cli-error.ts'
import { createTerminal } from '../../terminal/create-terminal.ts'
import type { Terminal } from '../../terminal/terminal.ts'
import { createDeployment } from './deployment.ts'
import type { Deployment } from './deployment.ts'
import { describeSteps } from './describe.ts'
import { checkProject, readFlags, usage } from './flags.ts'
import type { Flags } from './flags.ts'
import { createNames } from './names.ts'
import { resolveAnswers } from './answers.ts'
import { PlanEnd, runSteps } from './run.ts'
import { setupSteps, summaryRows } from './setup-steps.ts'
import { teardownSteps } from './teardown-steps.ts'

const isTeardown = process.argv[2] === 'teardown'

await main(process.argv.slice(isTeardown ? 3 : 2)).catch((error: unknown) => {
  console.error(error instanceof CliError ? error.message : error)
  process.exitCode = 1
})

async function main(args: string[]): Promise<void> {
  const flags = readFlags(args)
  const terminal = createTerminal()
  const deployment = createDeployment(await chooseProject(flags, terminal), flags)
  deployment.answers = resolveAnswers({}, flags, 'The flags')
  deployment.containerVersion = await hashOfContainer()
  const steps = isTeardown ? teardownSteps(deployment) : setupSteps(deployment)
  if (flags.dryRun) return console.log(describeSteps(steps))
  if (isTeardown) await confirmTeardown(deployment, terminal)
  const { plan: planOnly, yes, retryWaitMs } = flags
  try {
    const changes = await runSteps(steps, { terminal, planOnly, yes, retryWaitMs })
    if (!isTeardown && !planOnly) terminal.summary('Driveway is running', summaryRows(deployment))
    terminal.print(changes === 0 ? 'No changes.' : `Changes: ${changes}.`)
  } catch (error) {
    if (!(error instanceof PlanEnd)) throw error
    terminal.print(`The plan ends here: ${error.message}. --dry-run prints all steps.`)
  }
}

/** The project of the flags, else of the last run of this environment on this machine. */
async function chooseProject(flags: Flags, terminal: Terminal): Promise<string> {
  if (flags.project !== undefined) return flags.project
  const { variablesFile } = createNames('', flags.environment)
  const last = await readFile(variablesFile, 'utf8').then(
    (text) => (JSON.parse(text) as { project?: string }).project,
    () => undefined,
  )
  if (last !== undefined) return checkProject(last)
  if (!terminal.isInteractive) throw new CliError(`--project=… is required\n\n${usage}`)
  const project = await terminal.ask({
    text: 'The ID of your Google Cloud project',
    default: '',
    flag: '--project=…',
    validate(answer) {
      try {
        checkProject(answer)
        return undefined
      } catch (error) {
        return (error as Error).message
      }
    },
  })
  return checkProject(project)
}

async function confirmTeardown(
  { project, flags, names }: Deployment,
  terminal: Terminal,
): Promise<void> {
  if (flags.yes) return
  const scope = flags.withData ? 'and all stored data' : 'but not the stored data'
  const input = await terminal.ask({
    text: `This removes Driveway (${names.name}), ${scope}. Enter the project id to continue`,
    default: '',
    flag: '--yes',
  })
  if (input !== project) {
    throw new CliError(
      'Nothing was removed: the project id was not confirmed. Use --yes to skip this',
    )
  }
}

async function hashOfContainer(): Promise<string> {
  const hash = createHash('sha256')
  for (const file of ['dist/container/container.mjs', 'infra/container/Dockerfile']) {
    hash.update(await readFile(file))
  }
  return hash.digest('hex')
}
