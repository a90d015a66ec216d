/** Options of `npm run doctor`: from flags and the environment, else from what setup has deployed. */
import { parseArgs } from 'node:util'
import { CliError } from '../local/cli-error.ts'
import type { TargetOptions } from './target.ts'

export const usage = `npm run doctor -- [URL] [flags]

  URL                  the URL of Driveway (default: the one that setup deployed)
  --origin=ORIGIN      an origin of ALLOWED_ORIGINS to check, https://your.site
  --env=NAME           the environment that setup deployed (default: production)
  --function-url=URL   the own URL of the function auth (default: the deployed one)
  --project=ID         the Google Cloud project, used in the printed commands
  --json               prints the results as JSON

  DRIVEWAY_TOKEN=dw_…  a token of an account in OPERATORS, or
  DRIVEWAY_SESSION=…   the value of its cookie __session; without either, only
                       the public checks run
`

/** What setup has deployed from this machine. */
export type DeployedUrls = Partial<{ project: string; url: string; functionUrl: string }>

export interface DoctorOptions extends TargetOptions {
  json: boolean
}

/** @throws {CliError} when a flag is unknown or invalid, or no URL is known */
export function readOptions(
  args: string[],
  env: Partial<Record<string, string>>,
  deployed: DeployedUrls,
): DoctorOptions {
  const { values, positionals } = readFlags(args)
  const { project } = deployed
  const url = positionals[0] ?? deployed.url
  if (url === undefined || positionals.length > 1) {
    throw new CliError(`Exactly one URL is required\n\n${usage}`)
  }
  const origin = readOrigin('the URL', url)
  const siteId = /^([\w-]+)\.(?:web\.app|firebaseapp\.com)$/.exec(new URL(origin).hostname)?.[1]
  const ownUrl =
    values['function-url'] ?? (positionals[0] === undefined ? deployed.functionUrl : undefined)
  const { DRIVEWAY_TOKEN: token, DRIVEWAY_SESSION: session } = env
  return {
    url: origin,
    functionUrl: ownUrl === undefined ? undefined : readOrigin('--function-url', ownUrl),
    project: values.project ?? project ?? siteId ?? 'YOUR-PROJECT',
    token: token || undefined,
    session: session?.replace(/^__session=/, '') || undefined,
    allowedOrigin: values.origin === undefined ? undefined : readOrigin('--origin', values.origin),
    json: values.json ?? false,
  }
}

/** @returns the file that setup has written; it contains no secret */
export function deployedFile(args: string[]): string {
  return `.driveway/${readFlags(args).values.env ?? 'production'}.json`
}

function readOrigin(label: string, value: string): string {
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (url && /^https?:$/.test(url.protocol) && url.pathname === '/' && !url.search) {
    return url.origin
  }
  throw new CliError(`Cannot use ${label} ${value}: it must look like https://drive.example.com`)
}

const text = { type: 'string' } as const
const flags = {
  origin: text,
  env: text,
  'function-url': text,
  project: text,
  json: { type: 'boolean' },
} as const

function readFlags(
  args: string[],
): ReturnType<typeof parseArgs<{ options: typeof flags; allowPositionals: true }>> {
  try {
    return parseArgs({ args, options: flags, allowPositionals: true })
  } catch (error) {
    throw new CliError(`${(error as Error).message}\n\n${usage}`)
  }
}
