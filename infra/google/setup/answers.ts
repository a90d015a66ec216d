/** The answers of an environment: stored beside Terraform's state, so that every machine has the same. */
import { settings } from '../../../functions/config/settings.ts'
import { CliError } from '../../local/cli-error.ts'
import type { Flags } from './flags.ts'
import { changeSizes, checkSizes } from './sizes.ts'
import type { Sizes } from './sizes.ts'

export interface Answers {
  region: string
  /** The operator's own domain; empty for the URL of the site. */
  url: string
  /** Optional settings, by name. */
  settings: Record<string, string>
  sizes: Sizes
  alertEmail: string
  billingAccount: string
  monthlyBudget: number
  /** Whether to deploy the container, for single requests of any size. */
  container: boolean
}

export const defaultAnswers: Answers = {
  region: 'europe-west1',
  url: '',
  settings: {},
  sizes: {},
  alertEmail: '',
  billingAccount: '',
  monthlyBudget: 10,
  container: false,
}

/**
 * Applies the flags to stored answers.
 *
 * @param source of the stored answers, for error messages
 * @throws {CliError} when an answer is invalid
 */
export function resolveAnswers(stored: unknown, flags: Flags, source: string): Answers {
  const base = { ...defaultAnswers, ...readAnswers(stored, source) }
  const region = flags.region ?? base.region
  if (!/^[a-z]+-[a-z]+\d+$/.test(region)) {
    throw new CliError(`Cannot use --region=${region}: it must look like europe-west1`)
  }
  const url = flags.url ?? base.url
  if (url !== '' && !isOrigin(url)) {
    throw new CliError(`Cannot use --url=${url}: it must look like https://drive.example.com`)
  }
  const budget = flags.budget ?? String(base.monthlyBudget)
  if (!/^[1-9]\d{0,6}$/.test(budget)) {
    throw new CliError(`Cannot use --budget=${budget}: it must be a whole number`)
  }
  return {
    region,
    url,
    settings: checkSettings(changeSettings(base.settings, flags.set), source),
    sizes: changeSizes(checkSizes(base.sizes), flags.size),
    alertEmail: flags.alertEmail ?? base.alertEmail,
    billingAccount: flags.billingAccount ?? base.billingAccount,
    monthlyBudget: Number(budget),
    container: flags.container ?? base.container,
  }
}

/** Formats answers for storage; the order of the keys is fixed, so that equal answers are equal texts. */
export function formatAnswers(answers: Answers): string {
  const sorted = Object.keys(answers.settings)
    .toSorted()
    .map((name) => [name, answers.settings[name]])
  return `${JSON.stringify({ ...answers, settings: Object.fromEntries(sorted) }, null, 2)}\n`
}

function readAnswers(stored: unknown, source: string): Partial<Answers> {
  const values = Object(stored) as Record<string, unknown>
  for (const [name, value] of Object.entries(values)) {
    const expected = (defaultAnswers as unknown as Record<string, unknown>)[name]
    if (expected === undefined) {
      throw new CliError(
        `${source} has an unknown answer ${name}: a newer version of Driveway may have stored it. Update this copy with git pull`,
      )
    }
    if (typeof value !== typeof expected || value === null) {
      throw new CliError(`${source} has an invalid ${name}: it must be a ${typeof expected}`)
    }
  }
  return values
}

function isOrigin(url: string): boolean {
  return URL.canParse(url) && new URL(url).origin === url && url.startsWith('https:')
}

const optional = Object.entries(settings)
  .filter(([, kind]) => kind === 'optional')
  .map(([name]) => name)

function checkSettings(values: Record<string, string>, source: string): Record<string, string> {
  const unknown = Object.keys(values).find((name) => !optional.includes(name))
  if (unknown === undefined) return values
  throw new CliError(
    `${source} has a setting ${unknown}, which this version does not have. Remove it with --set=${unknown}=`,
  )
}

function changeSettings(
  previous: Record<string, string>,
  assignments: readonly string[],
): Record<string, string> {
  const merged = { ...previous }
  for (const assignment of assignments) {
    const [name = '', value = ''] = assignment.split(/=(.*)/s)
    // An older version may have stored a setting that no longer exists.
    if (!optional.includes(name) && !(value === '' && name in merged)) {
      throw new CliError(`Cannot use --set=${assignment}: the settings are ${optional.join(', ')}`)
    }
    if (value === '') delete merged[name]
    else merged[name] = value
  }
  return merged
}
