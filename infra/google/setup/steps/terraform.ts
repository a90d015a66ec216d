/** Terraform: its state, its variables, a plan that the user confirms, and the plan's application. */
import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { CliError } from '../../../local/cli-error.ts'
import { publicUrl } from '../deployment.ts'
import type { Deployment } from '../deployment.ts'
import { capture, stream } from '../programs.ts'
import { failureMessage } from '../run.ts'
import { argv, formatCommand } from '../step.ts'
import type { ActResult, Command, Step, StepIo } from '../step.ts'
import { containerImage } from './container.ts'
import { recoverFunctions } from './recovery.ts'
import { readAddresses, stateList, terraform, variables } from './terraform-commands.ts'
import { transientErrors } from './transient-errors.ts'

const maxAttempts = 5

export function initStep({ names }: Deployment): Step {
  const bucket = names.stateBucket.replace('gs://', '')
  return {
    name: 'Terraform init',
    why: 'downloads the locked providers and reads the state; changes nothing',
    alwaysRun: argv`${terraform} init -input=false -lockfile=readonly -reconfigure
      -backend-config=bucket=${bucket} -backend-config=prefix=${names.name}`,
    advice: [
      {
        matches: /checksum|lock file/i,
        text: 'infra/google/.terraform.lock.hcl does not fit the providers: docs/upgrade.md, "Pinned versions", says how to renew it.',
      },
    ],
  }
}

export function stateListStep(deployment: Deployment): Step {
  return {
    name: 'Terraform state',
    why: 'says what setup has made',
    lookup: { run: stateList, read: (output) => (deployment.inState = readAddresses(output)) },
  }
}

export function variablesStep(deployment: Deployment, options: VariableOptions = {}): Step {
  return {
    name: 'Terraform variables',
    why: 'your answers and the secret versions, without any secret',
    write: {
      file: deployment.names.variablesFile,
      content: () => formatVariables(deployment, options),
    },
  }
}

interface VariableOptions {
  /** The image of the container needs the repository, which the first apply makes. */
  isBase?: () => boolean
  /** Set by teardown only. */
  keepData?: boolean
}

function formatVariables(deployment: Deployment, { isBase, keepData }: VariableOptions): string {
  const { project, names, answers, clientVersion, keyringVersion, records } = deployment
  const hasImage = answers.container && !(isBase?.() ?? false)
  const values = {
    project,
    name: names.name,
    region: answers.region,
    public_url: publicUrl(deployment),
    client_version: clientVersion,
    keyring_version: keyringVersion,
    settings: answers.settings,
    sizes: answers.sizes,
    alert_email: answers.alertEmail,
    billing_account: answers.billingAccount,
    monthly_budget: answers.monthlyBudget,
    upload_image: hasImage ? containerImage(deployment) : '',
    audit_logs: !records.hasForeignAuditLogs,
    ...(keepData === undefined ? {} : { keep_data: keepData }),
  }
  return `${JSON.stringify(values, null, 2)}\n`
}

const planCommand = (deployment: Deployment, more: string[] = []): Command =>
  argv`${terraform} plan -input=false -detailed-exitcode ${variables(deployment)} -out=../../${deployment.names.planFile} ${more}`
const showCommand = ({ names }: Deployment): Command =>
  argv`${terraform} show -no-color ../../${names.planFile}`
const applyCommand = ({ names }: Deployment): Command =>
  argv`${terraform} apply -input=false ../../${names.planFile}`

type Target = Pick<Step, 'name' | 'why' | 'when'>

/** Shows what Terraform would change, and asks. */
export function planStep(deployment: Deployment, { name, why, when }: Target): Step {
  const plan = `Plan of ${name}`
  return {
    name: plan,
    why: 'shows what Terraform would change, before it does',
    ...(when ? { when } : {}),
    act: {
      reads: [planCommand(deployment), showCommand(deployment)],
      changes: [],
      async run(io) {
        deployment.hasPlan = await makePlan(deployment, { name: plan, why }, io)
        if (!deployment.hasPlan) return 'no changes'
        const { stdout } = await capture(showCommand(deployment))
        io.terminal.print(stdout.trim())
        if (io.planOnly) return 'planned'
        // Nothing is lost by only adding: the default is yes then.
        const onlyAdds = /Plan: \d+ to add, 0 to change, 0 to destroy/.test(stdout)
        if (io.yes || (await io.terminal.confirm('Apply these changes?', onlyAdds))) {
          return 'confirmed'
        }
        throw new CliError('Nothing was applied')
      },
    },
  }
}

/** @returns whether there are changes */
async function makePlan(
  deployment: Deployment,
  step: Pick<Step, 'name' | 'why'>,
  io: StepIo,
): Promise<boolean> {
  // A plan alone takes no lock: it needs no permission to write.
  const command = planCommand(deployment, io.planOnly ? ['-lock=false'] : [])
  for (let attempt = 1; ; attempt += 1) {
    io.progress(formatCommand(command))
    // `terraform show` prints the plan; without a terminal, its output here would be the same again.
    const onLine = io.terminal.isInteractive ? io.progress : () => undefined
    const { code, output } = await stream(command, undefined, onLine)
    if (code === 0 || code === 2) return code === 2
    if (!io.terminal.isInteractive) io.terminal.print(output.trim())
    await waitIfTransient(output, attempt, { ...step, command }, io)
  }
}

/** Applies the confirmed plan; while new permissions take effect, plans and applies again. */
export function applyStep(deployment: Deployment, { name, why, when }: Target): Step {
  return {
    name,
    why,
    ...(when ? { when } : {}),
    done: () => !deployment.hasPlan,
    act: {
      reads: [stateList],
      changes: [applyCommand(deployment)],
      run: (io) => apply(deployment, { name, why }, io),
    },
  }
}

async function apply(
  deployment: Deployment,
  step: Pick<Step, 'name' | 'why'>,
  io: StepIo,
): Promise<ActResult> {
  if (io.planOnly) return 'planned'
  const command = applyCommand(deployment)
  for (let attempt = 1; ; attempt += 1) {
    io.progress(formatCommand(command))
    const { code, output } = await stream(command, undefined, io.progress)
    await rm(deployment.names.planFile, { force: true })
    if (code === 0) break
    await waitIfTransient(output, attempt, { ...step, command }, io)
    deployment.inState = readAddresses((await capture(stateList)).stdout)
    await recoverFunctions(deployment, io)
    // What remains of the confirmed changes.
    if (!(await makePlan(deployment, step, io))) break
  }
  deployment.hasPlan = false
  deployment.inState = readAddresses((await capture(stateList)).stdout)
  return 'changed'
}

/** @throws {CliError} when the failure does not end by itself, or has lasted too long */
async function waitIfTransient(
  output: string,
  attempt: number,
  { command, ...step }: Pick<Step, 'name' | 'why'> & { command: Command },
  { terminal, progress, retryWaitMs }: StepIo,
): Promise<void> {
  const known = transientErrors.find(({ matches }) => matches.test(output))
  if (known && attempt < maxAttempts) {
    progress(`${known.meaning}. Trying again in ${retryWaitMs / 1000} s`)
    await sleep(retryWaitMs)
    return
  }
  const advice = permanentErrors.find(({ matches }) => matches.test(output))?.text ?? ''
  throw new CliError(failureMessage(step, command, terminal.isInteractive ? output : '', advice))
}

const permanentErrors = [
  {
    matches: /Error acquiring the state lock/,
    text: 'Another run holds the lock of the state. Wait until it ends; if none is running, docs/deploy.md, "Troubleshooting", says how to remove the lock.',
  },
  {
    matches: /already exists|alreadyExists|Error 409/,
    text: 'Something of this name exists, and setup did not make it. --adopt takes over what docs/deploy.md lists; otherwise remove it, or use other names with --env=NAME.',
  },
]
