/** The model of setup and teardown: steps as data, for running, for a dry run, and for the docs. */

/** A read-only command. Its output is never printed, because it may be a secret. */
export interface CommandCheck {
  run: readonly string[]
  /** The output must match; the default is an exit code of 0. */
  matches?: RegExp
  /** The output must equal this secret. */
  equalsSecret?: Secret
  /** The check passes when the command fails. */
  expectFailure?: true
}

/** Passed on standard input, never in the arguments. */
export type Secret = 'client' | 'keyring'

export interface Step {
  name: string
  why: string
  /** The step is skipped unless one of these passes. */
  onlyIf?: readonly CommandCheck[]
  /** The step is skipped if this passes: it is already done. */
  unless?: CommandCheck
  command?: readonly string[]
  /** Runs every time, because it changes nothing in the cloud. */
  alwaysRun?: readonly string[]
  stdin?: Secret
  /** A failure of the command does not stop setup. */
  allowFailure?: true
  /** What the user must do if the step is not done; setup stops. */
  manualAction?: string
  /** Printed every time. */
  message?: string
  /** Reads a value for the following steps. */
  lookup?: { run: readonly string[]; as: keyof LookupValues }
  /** Writes a local file; the content is deterministic. */
  write?: { file: string; content: (values: LookupValues) => string }
}

/** Versions of the secrets; `0` while there is none. */
export interface LookupValues {
  clientVersion: string
  keyringVersion: string
}

export interface SetupOptions {
  project: string
  region: string
  /** The origin that browsers use. */
  publicUrl: string
  /** The JSON file of the OAuth client; empty when Secret Manager already has it. */
  clientFile: string
  /** Optional settings, by name. */
  settings: Record<string, string>
  alertEmail: string
  billingAccount: string
  monthlyBudget: number
  /** Whether to deploy the container, for single requests of any size. */
  container: boolean
  /** SHA-256 of the build results, in hex. */
  built: { site: string; container: string }
  /** Whether the project has a script `doctor`. */
  doctor: boolean
}

/**
 * Template tag: splits a command line into its arguments, at the white space of the template and never
 * inside a value. An array is one argument per entry.
 */
export function argv(parts: TemplateStringsArray, ...values: (string | string[])[]): string[] {
  const args: string[] = ['']
  for (const [index, part] of parts.entries()) {
    const [first = '', ...rest] = part.split(/\s+/)
    args[args.length - 1] += first
    args.push(...rest)
    const value = values[index] ?? ''
    const [head = '', ...tail] = typeof value === 'string' ? [value] : value
    args[args.length - 1] += head
    args.push(...tail)
  }
  return args.filter((arg) => arg !== '')
}

/** Formats a command as shell input. */
export function formatCommand(run: readonly string[], stdin?: Secret): string {
  const args = run.map((arg) => (/^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg}'`))
  return `${args.join(' ')}${stdin === undefined ? '' : `  < (the ${stdin})`}`
}
