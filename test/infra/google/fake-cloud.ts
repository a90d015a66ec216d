/** A fake Google Cloud for the fake programs, and what they share. */

export interface FakeSite {
  id: string
  type: 'DEFAULT_SITE' | 'USER_SITE'
  /** The published version.txt; empty while the site serves nothing. */
  version: string
}

export interface FakeCloud {
  /** The accounts of the programs; an empty one is signed out. */
  accounts: { gcloud: string; terraform: string; firebase: string }
  billing: boolean
  services: string[]
  /** What each service serves. */
  regions: Record<'functions' | 'firestore' | 'artifacts' | 'builds', string[]>
  buckets: string[]
  versioned: boolean
  /** Content by URL. */
  objects: Record<string, string>
  /** The values of each secret, by its name. */
  secrets: Record<string, string[]>
  databases: string[]
  repositories: string[]
  images: string[]
  /** The state of each function, by its name. */
  functions: Record<string, 'ACTIVE' | 'FAILED'>
  /** Cloud Run services, by name; `isManaged`: Cloud Functions made it. */
  runServices: Record<string, { isManaged: boolean; isPublic: boolean; isBoosted: boolean }>
  /** Services with audit logs. */
  auditConfigs: string[]
  /** Constraints of the organization. */
  policies: { domainRestrictedSharing: boolean; requireInvokerIam: boolean }
  /** Addresses in Terraform's state, and the variables that were applied last, by the state's prefix. */
  state: Record<string, string[]>
  applied: Record<string, string>
  /** The prefix of `terraform init`, and the variables of the last plan. */
  prefix: string
  planned: string
  /** What an apply has destroyed. */
  destroyed: string[]
  termsAccepted: boolean
  isFirebaseProject: boolean
  sites: FakeSite[]
  /** IDs of sites in other projects. */
  takenSites: string[]
  /** Commands with this prefix fail so many times, and print the message. */
  failures: { command: string; times: number; message: string }[]
}

export const emptyCloud: FakeCloud = {
  accounts: {
    gcloud: 'ada@example.com',
    terraform: 'ada@example.com',
    firebase: 'ada@example.com',
  },
  billing: true,
  services: [],
  regions: {
    functions: ['europe-west1', 'us-central1'],
    firestore: ['europe-west1', 'us-central1', 'eur3'],
    artifacts: ['europe-west1', 'us-central1', 'africa-south1'],
    builds: ['europe-west1', 'us-central1'],
  },
  buckets: [],
  versioned: false,
  objects: {},
  secrets: {},
  databases: [],
  repositories: [],
  images: [],
  functions: {},
  runServices: {},
  auditConfigs: [],
  policies: { domainRestrictedSharing: false, requireInvokerIam: false },
  state: {},
  applied: {},
  prefix: '',
  planned: '',
  destroyed: [],
  termsAccepted: true,
  isFirebaseProject: false,
  sites: [],
  takenSites: [],
  failures: [],
}

/** One call of a program. */
export interface ProgramRun {
  cloud: FakeCloud
  /** The arguments, without the program. */
  args: string[]
  /** The whole command, joined by spaces. */
  line: string
  stdin: string
  /** The working directory. */
  folder: string
}

/** The end of a program with an exit code. */
export class ProgramExit extends Error {
  readonly code: number
  readonly isError: boolean
  constructor(code: number, message: string, isError: boolean) {
    super(message)
    this.code = code
    this.isError = isError
  }
}

/** Ends the program with a message on stderr. */
export function fail(code: number, message: string): never {
  throw new ProgramExit(code, message, true)
}

/** Ends the program with an exit code and output on stdout. */
export function exit(code: number, output: string): never {
  throw new ProgramExit(code, output, false)
}

/** Joins the arguments, without Terraform's -chdir. */
export function commandLine(argv: string[]): string {
  return argv.join(' ').replace(' -chdir=infra/google', '')
}

/** @returns the value of a flag such as `--region=…` */
export function flagOf({ args }: ProgramRun, name: string): string {
  return args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3) ?? ''
}

/** Runs the first handler whose pattern matches the command. */
export function dispatch(
  { line }: ProgramRun,
  handlers: readonly (readonly [RegExp, () => string | void])[],
): string | void {
  const [, handler] =
    handlers.find(([pattern]) => pattern.test(line)) ?? fail(2, `unknown: ${line}`)
  return handler()
}
