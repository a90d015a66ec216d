/** The flags of setup and teardown. */
import { parseArgs } from 'node:util'
import { CliError } from '../../local/cli-error.ts'
import { production } from './names.ts'

export const usage = `npm run setup -- [flags]       npm run teardown -- [flags]

  --project=ID             the Google Cloud project
  --env=NAME               the environment, such as staging (default: production)
  --client=FILE            the OAuth client's JSON file, from Google's console

Answers, which are stored beside Terraform's state for the next run and for other machines:
  --region=NAME            the Google Cloud region (default: europe-west1)
  --url=https://…          your own domain, once Firebase Hosting serves it
  --set=NAME=VALUE         a setting, such as ACCESS_PROFILE=own; repeatable
  --size=NAME.SIZE=VALUE   a size, such as upload.max_instances=40; repeatable
  --alert-email=ADDRESS    receives alerts
  --billing-account=ID     is linked to the project, and gets a budget
  --budget=NUMBER          monthly budget, in your currency (default: 10)
  --container              also deploys a service for single requests of any size
                           (--no-container: no longer)
  --answers=FILE           replaces all stored answers by those of a JSON file

What setup may take over, because it exists in the project already; repeatable:
  --adopt=NAME             site, database, client, keyring, repository, source, audit-logs,
                           or the function auth, callback, files or upload
  --site=ID                the site of Firebase Hosting to create or to adopt

  --dry-run                prints every step and runs no program
  --plan                   checks every step, shows Terraform's plan and changes nothing
  --yes                    applies without asking for confirmation
  --retry-wait=SECONDS     between attempts while new permissions take effect (default: 60)
  teardown: --with-data    also removes the database, the secrets and the stored answers
`

export const adoptable = [
  'site',
  'database',
  'client',
  'keyring',
  'repository',
  'source',
  'audit-logs',
  'auth',
  'callback',
  'files',
  'upload',
] as const
export type Adoptable = (typeof adoptable)[number]

export interface Flags {
  project?: string | undefined
  environment: string
  clientFile: string
  region?: string | undefined
  url?: string | undefined
  set: string[]
  size: string[]
  alertEmail?: string | undefined
  billingAccount?: string | undefined
  budget?: string | undefined
  container?: boolean | undefined
  answersFile?: string | undefined
  adopt: Adoptable[]
  site?: string | undefined
  dryRun: boolean
  plan: boolean
  yes: boolean
  retryWaitMs: number
  withData: boolean
}

const text = { type: 'string' } as const
const list = { type: 'string', multiple: true } as const
const flag = { type: 'boolean' } as const
const types = {
  project: text,
  env: text,
  client: text,
  region: text,
  url: text,
  set: list,
  size: list,
  'alert-email': text,
  'billing-account': text,
  budget: text,
  container: flag,
  answers: text,
  adopt: list,
  site: text,
  'dry-run': flag,
  plan: flag,
  yes: flag,
  'retry-wait': text,
  'with-data': flag,
} as const

/** @throws {CliError} when a flag is unknown or invalid */
export function readFlags(args: string[]): Flags {
  const values = parse(args)
  const environment = values.env ?? production
  // The longest service account is driveway-ENV-callback, and has at most 30 characters.
  if (!/^[a-z][a-z0-9]{0,9}$/.test(environment)) {
    throw new CliError(
      `Cannot use --env=${environment}: it must be 1 to 10 lower-case letters or digits`,
    )
  }
  if (values.project !== undefined) checkProject(values.project)
  const unknown = (values.adopt ?? []).filter((name) => !isAdoptable(name))
  if (unknown.length > 0) {
    throw new CliError(
      `Cannot use --adopt=${unknown[0]}: it must be one of ${adoptable.join(', ')}`,
    )
  }
  if (values.site !== undefined && !/^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/.test(values.site)) {
    throw new CliError(
      `Cannot use --site=${values.site}: it must be the ID of a site, such as my-driveway`,
    )
  }
  const retryWait = values['retry-wait'] ?? '60'
  if (!/^\d{1,3}$/.test(retryWait)) {
    throw new CliError(`Cannot use --retry-wait=${retryWait}: it must be a number of seconds`)
  }
  return {
    project: values.project,
    environment,
    clientFile: values.client ?? '',
    region: values.region,
    url: values.url,
    set: values.set ?? [],
    size: values.size ?? [],
    alertEmail: values['alert-email'],
    billingAccount: values['billing-account'],
    budget: values.budget,
    container: values.container,
    answersFile: values.answers,
    adopt: (values.adopt ?? []).filter(isAdoptable),
    site: values.site,
    dryRun: values['dry-run'] ?? false,
    plan: values.plan ?? false,
    yes: values.yes ?? false,
    retryWaitMs: Number(retryWait) * 1000,
    withData: values['with-data'] ?? false,
  }
}

/** @throws {CliError} when it is not a project id */
export function checkProject(project: string): string {
  if (/^[a-z][a-z0-9-]{4,28}[a-z0-9]$/.test(project)) return project
  throw new CliError(`Cannot use --project=${project}: it is not a valid project id`)
}

function isAdoptable(name: string): name is Adoptable {
  return (adoptable as readonly string[]).includes(name)
}

function parse(
  args: string[],
): ReturnType<typeof parseArgs<{ options: typeof types; allowNegative: true }>>['values'] {
  try {
    return parseArgs({ args, options: types, allowPositionals: false, allowNegative: true }).values
  } catch (error) {
    throw new CliError(`${(error as Error).message}\n\n${usage}`)
  }
}
