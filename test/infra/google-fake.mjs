/** A program that setup calls, made up: see google-fakes.ts. It fails on what nobody asks here. */
import fs from 'node:fs'

const [name, file, log, ...args] = process.argv.slice(2)
const cloud = JSON.parse(fs.readFileSync(file, 'utf8'))
const line = [name, ...args].join(' ').replace(' -chdir=infra/google', '')
const stdin = line.includes('--data-file=-') ? fs.readFileSync(0, 'utf8') : ''
fs.appendFileSync(log, `${JSON.stringify({ line, stdin })}\n`)
const variables = () =>
  fs.existsSync('infra/google/driveway.auto.tfvars.json')
    ? fs.readFileSync('infra/google/driveway.auto.tfvars.json', 'utf8')
    : ''
const secretOf = (text) => /driveway-(?:client|keyring)/.exec(text)?.[0] ?? ''
const boxes = ['secret["client"]', 'secret["keyring"]'].map(
  (each) => `google_secret_manager_secret.${each}`,
)
const database = 'google_firestore_database.driveway'
const fail = (code, words) => {
  fs.writeSync(2, `${words}\n`)
  process.exit(code)
}
const need = (is) => (is ? 'there\n' : fail(1, 'NOT_FOUND'))
const build = () => {
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
  const { upload_image: image } = JSON.parse(variables())
  if (image !== '' && !cloud.images.includes(image)) fail(1, 'image not found')
  cloud.applied = variables()
}
const destroy = () => {
  const gone = boxes.filter((address) => cloud.state.includes(address))
  if (gone.length > 0) cloud.secrets = {}
  if (cloud.state.includes(database)) cloud.database = false
  Object.assign(cloud, { state: [], applied: '', repository: false, images: [], boosted: [] })
  cloud.buckets = cloud.buckets.filter((each) => !each.endsWith('-source'))
}
const answers = [
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
  [
    /^gcloud secrets versions list/,
    () => `${(cloud.secrets[secretOf(line)] ?? fail(1, 'NOT_FOUND')).length || ''}\n`,
  ],
  [
    /^gcloud secrets versions access latest/,
    () => cloud.secrets[secretOf(line)]?.at(-1) ?? fail(1, 'NOT_FOUND'),
  ],
  [
    /^gcloud secrets versions add/,
    () => void (cloud.secrets[secretOf(line)] ?? fail(1, 'NOT_FOUND')).push(stdin),
  ],
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
  [/^terraform import .*firebaserules/, () => fail(1, 'Cannot import non-existent remote object')],
  [/^terraform import/, () => void cloud.state.push(args.at(-2) ?? '')],
  [
    /^terraform plan/,
    () => (cloud.applied !== '' && cloud.applied === variables() ? '' : process.exit(2)),
  ],
  [/^terraform apply .*-target/, () => undefined],
  [/^terraform apply/, build],
  [/^terraform destroy/, destroy],
  [/^firebase projects:list/, () => '{}'],
  [/^firebase hosting:sites:list/, () => need(cloud.firebase)],
  [/^firebase projects:addfirebase/, () => void (cloud.firebase = true)],
  [
    /^firebase deploy --only=hosting/,
    () => void (cloud.site = fs.readFileSync('dist/web/version.txt', 'utf8')),
  ],
  [/^firebase hosting:disable/, () => void (cloud.site = '')],
  [/^curl/, () => cloud.site || fail(22, '404')],
]
if (cloud.broken !== '' && line.startsWith(cloud.broken)) fail(1, 'ERROR: broken on purpose')
const [, answer] = answers.find(([pattern]) => pattern.test(line)) ?? fail(2, `unknown: ${line}`)
fs.writeSync(1, answer() ?? '')
fs.writeFileSync(file, JSON.stringify(cloud))
