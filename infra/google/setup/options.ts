/** Options of setup and teardown: from flags, else from the previous run, else from prompts. */
import { createInterface } from 'node:readline/promises'
import { parseArgs } from 'node:util'
import { settings } from '../../../functions/config/settings.ts'
import { CliError } from '../../local/cli-error.ts'
import type { SetupOptions } from './step.ts'

export type CliOptions = Omit<SetupOptions, 'built' | 'doctor'> & {
  dryRun: boolean
  withData: boolean
  yes: boolean
}

export const usage = `npm run setup -- [flags]       npm run teardown -- [flags]

  --project=ID             the Google Cloud project
  --region=NAME            the Google Cloud region (default: europe-west1)
  --client=FILE            the OAuth client's JSON file, from Google's console
  --url=https://…          your own domain, once Firebase Hosting serves it
  --set=NAME=VALUE         a setting, such as ACCESS_PROFILE=own; repeatable
  --alert-email=ADDRESS    receives alerts
  --billing-account=ID     is linked to the project, and gets a budget
  --budget=NUMBER          monthly budget, in your currency (default: 10)
  --container              also deploys a service for single requests of any size
  --dry-run                prints every step and runs none
  teardown: --with-data    also removes the database, the secrets and Terraform's state
            --yes          does not ask for confirmation
`

/** The options among the variables that the previous run has written. */
export type PreviousVariables = Partial<{
  project: string
  region: string
  public_url: string
  settings: Record<string, string>
  alert_email: string
  billing_account: string
  monthly_budget: number
  upload_image: string
}>

/** @throws {CliError} when a flag is unknown or invalid, or a required option is missing */
export async function readOptions(
  args: string[],
  previous: PreviousVariables,
  prompt: ((question: string) => Promise<string>) | undefined,
): Promise<CliOptions> {
  const flags = readFlags(args)
  const project = await requireOption(
    flags.project ?? previous.project,
    'Project id',
    '--project',
    prompt,
  )
  if (!/^[a-z][a-z0-9-]{4,28}[a-z0-9]$/.test(project)) {
    throw new CliError(`Cannot use --project=${project}: it is not a valid project id`)
  }
  const region = flags.region ?? previous.region ?? 'europe-west1'
  if (!/^[a-z]+-[a-z]+\d+$/.test(region)) {
    throw new CliError(`Cannot use --region=${region}: it must look like europe-west1`)
  }
  const publicUrl = (flags.url ?? previous.public_url) || `https://${project}.web.app`
  if (
    !URL.canParse(publicUrl) ||
    new URL(publicUrl).origin !== publicUrl ||
    !publicUrl.startsWith('https:')
  ) {
    throw new CliError(`Cannot use --url=${publicUrl}: it must look like https://drive.example.com`)
  }
  const budget = flags.budget ?? String(previous.monthly_budget ?? 10)
  if (!/^[1-9]\d{0,6}$/.test(budget)) {
    throw new CliError(`Cannot use --budget=${budget}: it must be a whole number`)
  }
  return {
    project,
    region,
    publicUrl,
    clientFile: flags.client ?? '',
    settings: readSettings(flags.set, previous.settings ?? {}),
    alertEmail: flags['alert-email'] ?? previous.alert_email ?? '',
    billingAccount: flags['billing-account'] ?? previous.billing_account ?? '',
    monthlyBudget: Number(budget),
    container: flags.container ?? Boolean(previous.upload_image),
    dryRun: flags['dry-run'] ?? false,
    withData: flags['with-data'] ?? false,
    yes: flags.yes ?? false,
  }
}

/** Creates a prompt on the terminal; `undefined` when stdin is not a terminal. */
export function createPrompt(): ((question: string) => Promise<string>) | undefined {
  if (!process.stdin.isTTY) return undefined
  return async (question) => {
    const lines = createInterface({ input: process.stdin, output: process.stdout })
    try {
      return (await lines.question(`${question}: `)).trim()
    } finally {
      lines.close()
    }
  }
}

async function requireOption(
  value: string | undefined,
  question: string,
  flag: string,
  prompt: ((question: string) => Promise<string>) | undefined,
): Promise<string> {
  const option = value || (await prompt?.(question))
  if (!option) throw new CliError(`${flag}=… is required\n\n${usage}`)
  return option
}

const text = { type: 'string' } as const
const flag = { type: 'boolean' } as const
const flagTypes = {
  project: text,
  region: text,
  client: text,
  url: text,
  set: { type: 'string', multiple: true },
  'alert-email': text,
  'billing-account': text,
  budget: text,
  container: flag,
  'dry-run': flag,
  'with-data': flag,
  yes: flag,
} as const

function readFlags(
  args: string[],
): ReturnType<typeof parseArgs<{ options: typeof flagTypes }>>['values'] {
  try {
    return parseArgs({ args, options: flagTypes, allowPositionals: false }).values
  } catch (error) {
    throw new CliError(`${(error as Error).message}\n\n${usage}`)
  }
}

function readSettings(
  assignments: string[] = [],
  previous: Record<string, string>,
): Record<string, string> {
  const merged = { ...previous }
  for (const assignment of assignments) {
    const [name = '', value = ''] = assignment.split(/=(.*)/s)
    if ((settings as Record<string, string>)[name] !== 'optional') {
      const names = Object.entries(settings).filter(([, kind]) => kind === 'optional')
      throw new CliError(
        `Cannot use --set=${assignment}: the settings are ${names.map(([optional]) => optional).join(', ')}`,
      )
    }
    if (value === '') delete merged[name]
    else merged[name] = value
  }
  return merged
}
