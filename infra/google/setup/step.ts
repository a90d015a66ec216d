/** What setup and teardown are made of: steps as data, for running, for showing, for the docs. */

/** A program that only looks; what it prints is read and never shown, since it may be a secret. */
export interface CommandCheck {
  run: readonly string[]
  /** What it has to print; unless given, ending well is enough. */
  matches?: RegExp
  /** Compares what it prints with a secret of ours instead. */
  equalsSecret?: Secret
  /** It holds where the program fails. */
  expectFailure?: true
}

/** Goes through a program's standard input, never through its arguments. */
export type Secret = 'client' | 'keyring'

export interface Step {
  name: string
  /** For whoever reads along. */
  why: string
  /** One of these has to hold, or there is nothing to do. */
  onlyIf?: readonly CommandCheck[]
  /** Where it holds, this has been done before. */
  unless?: CommandCheck
  /** Does it. */
  command?: readonly string[]
  /** Runs each time, since it changes nothing up there. */
  alwaysRun?: readonly string[]
  stdin?: Secret
  /** Where the command fails, that is no reason to stop. */
  allowFailure?: true
  /** What a person has to do where it is not so; setup stops. */
  manualAction?: string
  /** Just said, each time. */
  message?: string
  /** Looks something up for the steps that follow. */
  lookup?: { run: readonly string[]; as: keyof LookupValues }
  /** Writes a file on this machine; a new run writes the same. */
  write?: { file: string; content: (found: LookupValues) => string }
}

/** What was looked up on the way; versions of secrets, `0` while there is none. */
export interface LookupValues {
  clientVersion: string
  keyringVersion: string
}

export interface SetupOptions {
  project: string
  region: string
  /** The origin that browsers see. */
  publicUrl: string
  /** The JSON file of the OAuth client; empty where Secret Manager has it already. */
  clientFile: string
  /** Settings that have a default, by name. */
  settings: Record<string, string>
  alertEmail: string
  billingAccount: string
  monthlyBudget: number
  /** Whether uploads of any size get a service of their own. */
  container: boolean
  /** SHA-256 of what was built, in hex: two builds that are the same have the same. */
  built: { site: string; container: string }
  /** Whether there is an `npm run doctor`. */
  doctor: boolean
}

/**
 * A command line as its words: split where the template has blanks, never inside of a value; a list
 * is a word for each of its entries.
 */
export function argv(parts: TemplateStringsArray, ...values: (string | string[])[]): string[] {
  const words: string[] = ['']
  for (const [index, part] of parts.entries()) {
    const [first = '', ...rest] = part.split(/\s+/)
    words[words.length - 1] += first
    words.push(...rest)
    const value = values[index] ?? ''
    const [start = '', ...more] = typeof value === 'string' ? [value] : value
    words[words.length - 1] += start
    words.push(...more)
  }
  return words.filter((word) => word !== '')
}

/** As one would type it. */
export function formatCommand(run: readonly string[], stdin?: Secret): string {
  const words = run.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word}'`))
  return `${words.join(' ')}${stdin === undefined ? '' : `  < (the ${stdin})`}`
}
