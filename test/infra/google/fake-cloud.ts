/**
 * A fake of gcloud, terraform, firebase and curl: commands change a fake cloud, and unknown commands fail.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface FakeCloud {
  signedIn: boolean
  billing: boolean
  services: string[]
  buckets: string[]
  versioned: boolean
  /** The values of each secret, by its name. */
  secrets: Record<string, string[]>
  database: boolean
  repository: boolean
  images: string[]
  boosted: string[]
  /** Addresses in Terraform's state. */
  state: string[]
  /** The variables of the last `terraform apply`. */
  applied: string
  firebase: boolean
  /** The published version.txt; empty while Hosting is disabled. */
  site: string
  /** Commands with this prefix fail. */
  broken: string
}

export const emptyCloud: FakeCloud = {
  signedIn: true,
  billing: true,
  services: [],
  buckets: [],
  versioned: false,
  secrets: {},
  database: false,
  repository: false,
  images: [],
  boosted: [],
  state: [],
  applied: '',
  firebase: false,
  site: '',
  broken: '',
}

/** The exit code and the output: on stdout if the code is 0, else on stderr. */
export interface ProgramResult {
  code: number
  output: string
}

class Failure extends Error {
  readonly code: number
  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

function fail(code: number, message: string): never {
  throw new Failure(code, message)
}

/** @param folder the program's working directory */
export function runFakeProgram(
  cloud: FakeCloud,
  argv: string[],
  stdin: string,
  folder: string,
): ProgramResult {
  try {
    return { code: 0, output: execute(cloud, argv, stdin, folder) ?? '' }
  } catch (error) {
    if (error instanceof Failure) return { code: error.code, output: `${error.message}\n` }
    throw error
  }
}

const secretContainers = ['secret["client"]', 'secret["keyring"]'].map(
  (name) => `google_secret_manager_secret.${name}`,
)
const database = 'google_firestore_database.driveway'
const secretOf = (text: string): string => /driveway-(?:client|keyring)/.exec(text)?.[0] ?? ''
const describe = (exists: boolean): string => (exists ? 'exists\n' : fail(1, 'NOT_FOUND'))

function execute(
  cloud: FakeCloud,
  argv: string[],
  stdin: string,
  folder: string,
): string | undefined {
  const line = commandLine(argv)
  const args = argv.slice(1)
  const variables = (): string => {
    const file = join(folder, 'infra/google/driveway.auto.tfvars.json')
    return existsSync(file) ? readFileSync(file, 'utf8') : ''
  }
  const versions = (): string[] => cloud.secrets[secretOf(line)] ?? fail(1, 'NOT_FOUND')
  const handlers: [RegExp, () => string | void][] = [
    [/^\w+ (?:--)?version$/, () => 'version 1\n'],
    [/^gcloud auth list/, () => (cloud.signedIn ? 'ada@example.com\n' : '')],
    [/^gcloud auth login/, () => void (cloud.signedIn = true)],
    [/^gcloud auth application-default print-access-token/, () => 'ya29.a-token-of-mine\n'],
    [/^gcloud projects describe/, () => 'ACTIVE\n'],
    [/^gcloud billing projects describe/, () => `${cloud.billing}\n`],
    [/^gcloud billing projects link/, () => void (cloud.billing = true)],
    [/^gcloud services list/, () => `${cloud.services.join('\n')}\n`],
    [/^gcloud services enable/, () => void cloud.services.push(...args.slice(2, -1))],
    [/^gcloud storage buckets describe .*versioning/, () => `${cloud.versioned}\n`],
    [/^gcloud storage buckets describe/, () => describe(cloud.buckets.includes(args[3] ?? ''))],
    [/^gcloud storage buckets create/, () => void cloud.buckets.push(args[3] ?? '')],
    [/^gcloud storage buckets update .*--versioning/, () => void (cloud.versioned = true)],
    [
      /^gcloud storage rm --recursive/,
      () => void (cloud.buckets = cloud.buckets.filter((each) => each !== args[3])),
    ],
    [/^gcloud secrets describe/, () => describe(secretOf(line) in cloud.secrets)],
    [/^gcloud secrets versions list/, () => `${versions().length || ''}\n`],
    [
      /^gcloud secrets versions access latest/,
      () => cloud.secrets[secretOf(line)]?.at(-1) ?? fail(1, 'NOT_FOUND'),
    ],
    [/^gcloud secrets versions add/, () => void versions().push(stdin)],
    [
      /^gcloud firestore databases describe/,
      () => (cloud.database ? 'FIRESTORE_NATIVE\n' : fail(1, 'NOT_FOUND')),
    ],
    [/^gcloud artifacts repositories describe/, () => describe(cloud.repository)],
    [
      /^gcloud artifacts docker images describe/,
      () => describe(cloud.images.includes(args[4] ?? '')),
    ],
    [
      /^gcloud builds submit/,
      () => void cloud.images.push(/_IMAGE=(\S+)/.exec(line)?.[1] ?? fail(1, 'no image')),
    ],
    [
      /^gcloud run services describe/,
      () =>
        cloud.boosted.includes(args[3] ?? '')
          ? "  run.googleapis.com/startup-cpu-boost: 'true'\n"
          : '\n',
    ],
    [/^gcloud run services update .*--cpu-boost/, () => void cloud.boosted.push(args[3] ?? '')],
    [/^terraform (?:init|output)/, () => undefined],
    [/^terraform state show/, () => describe(cloud.state.includes(args.at(-1) ?? ''))],
    [
      /^terraform state list/,
      () => cloud.state.filter((each) => args.length === 3 || each === args[3]).join('\n'),
    ],
    [/^terraform state rm/, () => void (cloud.state = ['google_storage_bucket.source'])],
    [
      /^terraform import .*firebaserules/,
      () => fail(1, 'Cannot import non-existent remote object'),
    ],
    [/^terraform import/, () => void cloud.state.push(args.at(-2) ?? '')],
    [
      /^terraform plan/,
      () =>
        cloud.applied !== '' && cloud.applied === variables() ? '' : fail(2, 'Plan: 1 to change'),
    ],
    [/^terraform apply .*-target/, () => undefined],
    [/^terraform apply/, () => build(cloud, variables())],
    [/^terraform destroy/, () => destroy(cloud)],
    [/^firebase projects:list/, () => '{}'],
    [/^firebase hosting:sites:list/, () => describe(cloud.firebase)],
    [/^firebase projects:addfirebase/, () => void (cloud.firebase = true)],
    [
      /^firebase deploy --only=hosting/,
      () => void (cloud.site = readFileSync(join(folder, 'dist/web/version.txt'), 'utf8')),
    ],
    [/^firebase hosting:disable/, () => void (cloud.site = '')],
    [/^curl/, () => cloud.site || fail(22, '404')],
  ]
  if (cloud.broken !== '' && line.startsWith(cloud.broken)) fail(1, 'ERROR: injected failure')
  const [, handler] =
    handlers.find(([pattern]) => pattern.test(line)) ?? fail(2, `unknown: ${line}`)
  return handler() ?? undefined
}

/** Joins the arguments, without Terraform's -chdir. */
export function commandLine(argv: string[]): string {
  return argv.join(' ').replace(' -chdir=infra/google', '')
}

function build(cloud: FakeCloud, variables: string): void {
  const isUnmanaged = [database, ...secretContainers].some(
    (address) => !cloud.state.includes(address),
  )
  const exists = cloud.database || Object.keys(cloud.secrets).length > 0
  if (isUnmanaged && exists) fail(1, '409: already exists')
  cloud.state = [
    database,
    ...secretContainers,
    'google_firebaserules_release.firestore',
    'google_storage_bucket.source',
  ]
  cloud.secrets = { 'driveway-client': [], 'driveway-keyring': [], ...cloud.secrets }
  cloud.database = true
  cloud.repository = true
  const bucket = cloud.buckets.find((each) => each.endsWith('-state')) ?? ''
  cloud.buckets = [...new Set([...cloud.buckets, bucket.replace('-state', '-source')])]
  const { upload_image: image } = JSON.parse(variables) as { upload_image: string }
  if (image !== '' && !cloud.images.includes(image)) fail(1, 'image not found')
  cloud.applied = variables
}

function destroy(cloud: FakeCloud): void {
  const managed = secretContainers.filter((address) => cloud.state.includes(address))
  if (managed.length > 0) cloud.secrets = {}
  if (cloud.state.includes(database)) cloud.database = false
  Object.assign(cloud, { state: [], applied: '', repository: false, images: [], boosted: [] })
  cloud.buckets = cloud.buckets.filter((each) => !each.endsWith('-source'))
}
