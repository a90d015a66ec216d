/**
 * What the programs that setup calls would do, as far as it asks them: lines change a cloud that is
 * made up, and fail on everything else.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface FakeCloud {
  signedIn: boolean
  billing: boolean
  services: string[]
  buckets: string[]
  versioned: boolean
  /** Of each secret that there is, the values. */
  secrets: Record<string, string[]>
  database: boolean
  repository: boolean
  images: string[]
  boosted: string[]
  /** Addresses in Terraform's state. */
  state: string[]
  /** The variables that were applied last. */
  applied: string
  firebase: boolean
  /** The version.txt that is published; nothing where Hosting is off. */
  site: string
  /** A line that starts so fails. */
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

/** How a program ends: what it says goes to stdout where the code is 0, to stderr otherwise. */
export interface ProgramResult {
  code: number
  words: string
}

class Failure extends Error {
  readonly code: number
  constructor(code: number, words: string) {
    super(words)
    this.code = code
  }
}

function fail(code: number, words: string): never {
  throw new Failure(code, words)
}

/** @param folder the program's working directory */
export function runFakeProgram(
  cloud: FakeCloud,
  words: string[],
  stdin: string,
  folder: string,
): ProgramResult {
  try {
    return { code: 0, words: carryOut(cloud, words, stdin, folder) ?? '' }
  } catch (error) {
    if (error instanceof Failure) return { code: error.code, words: `${error.message}\n` }
    throw error
  }
}

const boxes = ['secret["client"]', 'secret["keyring"]'].map(
  (each) => `google_secret_manager_secret.${each}`,
)
const database = 'google_firestore_database.driveway'
const secretOf = (text: string): string => /driveway-(?:client|keyring)/.exec(text)?.[0] ?? ''
const need = (is: boolean): string => (is ? 'there\n' : fail(1, 'NOT_FOUND'))

function carryOut(
  cloud: FakeCloud,
  words: string[],
  stdin: string,
  folder: string,
): string | undefined {
  const line = lineOf(words)
  const args = words.slice(1)
  const variables = (): string => {
    const file = join(folder, 'infra/google/driveway.auto.tfvars.json')
    return existsSync(file) ? readFileSync(file, 'utf8') : ''
  }
  const versions = (): string[] => cloud.secrets[secretOf(line)] ?? fail(1, 'NOT_FOUND')
  const answers: [RegExp, () => string | void][] = [
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
    [/^gcloud storage buckets describe/, () => need(cloud.buckets.includes(args[3] ?? ''))],
    [/^gcloud storage buckets create/, () => void cloud.buckets.push(args[3] ?? '')],
    [/^gcloud storage buckets update .*--versioning/, () => void (cloud.versioned = true)],
    [
      /^gcloud storage rm --recursive/,
      () => void (cloud.buckets = cloud.buckets.filter((each) => each !== args[3])),
    ],
    [/^gcloud secrets describe/, () => need(secretOf(line) in cloud.secrets)],
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
    [/^gcloud artifacts repositories describe/, () => need(cloud.repository)],
    [/^gcloud artifacts docker images describe/, () => need(cloud.images.includes(args[4] ?? ''))],
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
    [/^terraform state show/, () => need(cloud.state.includes(args.at(-1) ?? ''))],
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
    [/^firebase hosting:sites:list/, () => need(cloud.firebase)],
    [/^firebase projects:addfirebase/, () => void (cloud.firebase = true)],
    [
      /^firebase deploy --only=hosting/,
      () => void (cloud.site = readFileSync(join(folder, 'dist/web/version.txt'), 'utf8')),
    ],
    [/^firebase hosting:disable/, () => void (cloud.site = '')],
    [/^curl/, () => cloud.site || fail(22, '404')],
  ]
  if (cloud.broken !== '' && line.startsWith(cloud.broken)) fail(1, 'ERROR: broken on purpose')
  const [, act] = answers.find(([pattern]) => pattern.test(line)) ?? fail(2, `unknown: ${line}`)
  return act() ?? undefined
}

/** As it would be typed, wherever Terraform is told to look. */
export function lineOf(words: string[]): string {
  return words.join(' ').replace(' -chdir=infra/google', '')
}

function build(cloud: FakeCloud, variables: string): void {
  const taken = [database, ...boxes].some((address) => !cloud.state.includes(address))
  const there = cloud.database || Object.keys(cloud.secrets).length > 0
  if (taken && there) fail(1, '409: already exists')
  cloud.state = [
    database,
    ...boxes,
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
  const gone = boxes.filter((address) => cloud.state.includes(address))
  if (gone.length > 0) cloud.secrets = {}
  if (cloud.state.includes(database)) cloud.database = false
  Object.assign(cloud, { state: [], applied: '', repository: false, images: [], boosted: [] })
  cloud.buckets = cloud.buckets.filter((each) => !each.endsWith('-source'))
}
