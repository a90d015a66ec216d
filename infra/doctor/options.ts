/** Whom to examine: from flags and the environment, else from what setup has written. */
import { parseArgs } from 'node:util'
import { StartError } from '../local/start-error.ts'
import type { TargetOptions } from './target.ts'

export const usage = `npm run doctor -- [URL] [flags]

  URL                  where Driveway is; where setup put it unless said
  --page=ORIGIN        a page elsewhere that shall be let in, https://your.site
  --project=ID         the Google Cloud project, for the commands
  --json               for programs

  DRIVEWAY_TOKEN=dw_…  a token of an account that OPERATORS lists, or
  DRIVEWAY_SESSION=…   the value of its cookie __session: without either, only
                       what everybody sees is tried
`

/** What setup has written. */
export type SetupVariables = Partial<{ project: string; public_url: string }>

export interface DoctorOptions extends TargetOptions {
  json: boolean
}

/** @throws {StartError} on a flag that is unknown or wrong */
export function readOptions(
  args: string[],
  env: Partial<Record<string, string>>,
  setUp: SetupVariables,
): DoctorOptions {
  const { values, positionals } = readFlags(args)
  const known = setUp.public_url || (setUp.project && `https://${setUp.project}.web.app`)
  const url = positionals[0] ?? known
  if (url === undefined || positionals.length > 1)
    throw new StartError(`Say where it is\n\n${usage}`)
  const origin = readOrigin('the address', url)
  const hosted = /^([\w-]+)\.(?:web\.app|firebaseapp\.com)$/.exec(new URL(origin).hostname)?.[1]
  const { DRIVEWAY_TOKEN: token, DRIVEWAY_SESSION: session } = env
  return {
    url: origin,
    project: values.project ?? setUp.project ?? hosted ?? 'YOUR-PROJECT',
    token: token || undefined,
    session: session?.replace(/^__session=/, '') || undefined,
    page: values.page === undefined ? undefined : readOrigin('--page', values.page),
    json: values.json ?? false,
  }
}

function readOrigin(what: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url && /^https?:$/.test(url.protocol) && url.pathname === '/' && !url.search) {
    return url.origin
  }
  throw new StartError(`Cannot use ${what} ${text}: it must look like https://drive.example.com`)
}

const text = { type: 'string' } as const
const flags = { page: text, project: text, json: { type: 'boolean' } } as const

function readFlags(
  args: string[],
): ReturnType<typeof parseArgs<{ options: typeof flags; allowPositionals: true }>> {
  try {
    return parseArgs({ args, options: flags, allowPositionals: true })
  } catch (error) {
    throw new StartError(`${(error as Error).message}\n\n${usage}`)
  }
}
