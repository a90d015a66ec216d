/** What setup has to know: from flags, from the run before, from questions, in this order. */
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
  --region=NAME            where it runs; europe-west1 unless said
  --client=FILE            the OAuth client's JSON file, from Google's console
  --url=https://…          a domain of yours, once Firebase Hosting serves it
  --set=NAME=VALUE         a setting, such as ACCESS_PROFILE=own; may be repeated
  --alert-email=ADDRESS    who is told when something is wrong
  --billing-account=ID     for linking it to the project, and for a budget
  --budget=NUMBER          a month's, in your currency; 10 unless said
  --container              also a service for single requests of any size
  --dry-run                prints every step and does none
  teardown: --with-data    also the database, the secrets and Terraform's state
            --yes          without asking
`

/** The variables that the run before has written, as far as they are answers. */
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

/** @throws {CliError} on a flag that is unknown or wrong, or an answer that nobody gives */
export async function readOptions(
  args: string[],
  before: PreviousVariables,
  ask: ((question: string) => Promise<string>) | undefined,
): Promise<CliOptions> {
  const flags = readFlags(args)
  const project = await needed(flags.project ?? before.project, 'Project id', '--project', ask)
  if (!/^[a-z][a-z0-9-]{4,28}[a-z0-9]$/.test(project)) {
    throw new CliError(`Cannot use --project=${project}: it is no id of a Google Cloud project`)
  }
  const region = flags.region ?? before.region ?? 'europe-west1'
  if (!/^[a-z]+-[a-z]+\d+$/.test(region)) {
    throw new CliError(`Cannot use --region=${region}: it must look like europe-west1`)
  }
  const publicUrl = (flags.url ?? before.public_url) || `https://${project}.web.app`
  if (
    !URL.canParse(publicUrl) ||
    new URL(publicUrl).origin !== publicUrl ||
    !publicUrl.startsWith('https:')
  ) {
    throw new CliError(
      `Cannot use --url=${publicUrl}: it must look like https://drive.example.com`,
    )
  }
  const budget = flags.budget ?? String(before.monthly_budget ?? 10)
  if (!/^[1-9]\d{0,6}$/.test(budget)) {
    throw new CliError(`Cannot use --budget=${budget}: it must be a whole number`)
  }
  return {
    project,
    region,
    publicUrl,
    clientFile: flags.client ?? '',
    settings: readSettings(flags.set, before.settings ?? {}),
    alertEmail: flags['alert-email'] ?? before.alert_email ?? '',
    billingAccount: flags['billing-account'] ?? before.billing_account ?? '',
    monthlyBudget: Number(budget),
    container: flags.container ?? Boolean(before.upload_image),
    dryRun: flags['dry-run'] ?? false,
    withData: flags['with-data'] ?? false,
    yes: flags.yes ?? false,
  }
}

/** Asks whoever sits at the terminal; there is nobody where it is none. */
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

async function needed(
  known: string | undefined,
  question: string,
  flag: string,
  ask: ((question: string) => Promise<string>) | undefined,
): Promise<string> {
  const answer = known || (await ask?.(question))
  if (!answer) throw new CliError(`Say ${flag}=…\n\n${usage}`)
  return answer
}

const text = { type: 'string' } as const
const flag = { type: 'boolean' } as const
const known = {
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
): ReturnType<typeof parseArgs<{ options: typeof known }>>['values'] {
  try {
    return parseArgs({ args, options: known, allowPositionals: false }).values
  } catch (error) {
    throw new CliError(`${(error as Error).message}\n\n${usage}`)
  }
}

function readSettings(
  given: string[] = [],
  before: Record<string, string>,
): Record<string, string> {
  const all = { ...before }
  for (const one of given) {
    const [name = '', value = ''] = one.split(/=(.*)/s)
    if ((settings as Record<string, string>)[name] !== 'optional') {
      const names = Object.entries(settings).filter(([, is]) => is === 'optional')
      throw new CliError(
        `Cannot use --set=${one}: the settings are ${names.map(([each]) => each).join(', ')}`,
      )
    }
    if (value === '') delete all[name]
    else all[name] = value
  }
  return all
}
