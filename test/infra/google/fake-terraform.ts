/** terraform with the Google provider, for the fake cloud: it reads the real files of infra/google. */
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dispatch, exit, fail } from './fake-cloud.ts'
import type { FakeCloud, ProgramRun } from './fake-cloud.ts'

interface Variables {
  project: string
  name: string
  client_version: number
  keyring_version: number
  upload_image: string
  audit_logs: boolean
}

const functions = ['auth', 'callback', 'files', 'upload']
const functionAddress = (name: string): string =>
  `google_cloudfunctions2_function.function["${name}"]`
const database = 'google_firestore_database.driveway'
const secret = (name: string): string => `google_secret_manager_secret.secret["${name}"]`

export function runTerraform(run: ProgramRun): string | void {
  const { cloud, args, line } = run
  const state = (): string[] => (cloud.state[cloud.prefix] ??= [])
  return dispatch(run, [
    [/^terraform version$/, () => 'Terraform v1\n'],
    [
      /^terraform init /,
      () => {
        const bucket = /-backend-config=bucket=(\S+)/.exec(line)?.[1] ?? ''
        if (!cloud.buckets.includes(`gs://${bucket}`)) fail(1, 'Error: the bucket does not exist')
        cloud.prefix = /-backend-config=prefix=(\S+)/.exec(line)?.[1] ?? fail(1, 'no prefix')
      },
    ],
    [/^terraform state list/, () => `${state().join('\n')}\n`],
    [
      /^terraform state rm/,
      () => {
        const removed = args.slice(3)
        cloud.state[cloud.prefix] = state().filter((address) => !removed.includes(address))
      },
    ],
    [
      /^terraform import .*firebaserules/,
      () => fail(1, 'Error: Cannot import non-existent remote object'),
    ],
    [/^terraform import /, () => (readVariables(run), void state().push(args.at(-2) ?? ''))],
    [/^terraform plan /, () => plan(run)],
    [/^terraform show /, () => describePlan(cloud)],
    [/^terraform apply .*-target/, () => undefined],
    [/^terraform apply -input=false \S+tfplan$/, () => apply(run)],
    [/^terraform destroy .*-auto-approve/, () => destroy(cloud, readVariables(run))],
    [/^terraform output -json/, () => outputs(cloud)],
  ])
}

function readVariables({ args, folder }: ProgramRun): string {
  const [, file = fail(1, 'no -var-file')] =
    /^-var-file=(.*)$/.exec(args.find((arg) => arg.startsWith('-var-file=')) ?? '') ?? []
  return readFileSync(join(folder, 'infra/google', file), 'utf8')
}

function plan(run: ProgramRun): string {
  const { cloud, args, folder } = run
  const variables = readVariables(run)
  const out = args.find((arg) => arg.startsWith('-out='))?.slice(5) ?? fail(1, 'no -out')
  if (cloud.applied[cloud.prefix] === variables && isComplete(cloud, parse(variables))) {
    return 'No changes. Your infrastructure matches the configuration.\n'
  }
  cloud.planned = variables
  writeFileSync(join(folder, 'infra/google', out), 'plan')
  return exit(2, describePlan(cloud))
}

const parse = (text: string): Variables => JSON.parse(text) as Variables

function describePlan({ state, prefix }: FakeCloud): string {
  const changed = (state[prefix] ?? []).length > 0 ? 1 : 0
  return `Terraform will perform the following actions:\n\nPlan: 5 to add, ${changed} to change, 0 to destroy.\n`
}

/** Whether everything is in the state: a failed apply leaves something out. */
function isComplete(cloud: FakeCloud, variables: Variables): boolean {
  const state = cloud.state[cloud.prefix] ?? []
  return wanted(variables).every((address) => state.includes(address))
}

const isReady = ({ client_version: client, keyring_version: keyring }: Variables): boolean =>
  client > 0 && keyring > 0

function wanted(variables: Variables): string[] {
  return [
    'google_storage_bucket.source',
    'google_artifact_registry_repository.images',
    database,
    'google_firebaserules_release.firestore',
    secret('client'),
    secret('keyring'),
    ...(variables.audit_logs ? ['google_project_iam_audit_config.data_access["all"]'] : []),
    ...(isReady(variables) ? functions.map(functionAddress) : []),
  ]
}

function apply({ cloud, args, folder }: ProgramRun): string {
  const file = join(folder, 'infra/google', args.at(-1) ?? '')
  if (!existsSync(file) || cloud.planned === '') fail(1, 'Error: the plan is stale or missing')
  const text = cloud.planned
  cloud.planned = ''
  const variables = parse(text)
  const state = (cloud.state[cloud.prefix] ??= [])
  const { project, name } = variables
  const make = (address: string, isThere: boolean, create: () => void): void => {
    if (state.includes(address)) return
    if (isThere) fail(1, `Error: Error creating ${address}: googleapi: Error 409: already exists`)
    create()
    state.push(address)
  }
  cloud.objects[`gs://${project}-driveway-state/${cloud.prefix}/default.tfstate`] = '{}'
  checkPolicies(cloud, folder)
  const source = `gs://${project}-${name}-source`
  make('google_storage_bucket.source', cloud.buckets.includes(source), () =>
    cloud.buckets.push(source),
  )
  make('google_artifact_registry_repository.images', cloud.repositories.includes(name), () =>
    cloud.repositories.push(name),
  )
  make(database, cloud.databases.includes(name), () => cloud.databases.push(name))
  make('google_firebaserules_release.firestore', false, () => undefined)
  for (const each of ['client', 'keyring']) {
    make(secret(each), `${name}-${each}` in cloud.secrets, () => {
      cloud.secrets[`${name}-${each}`] = []
    })
  }
  if (variables.audit_logs) {
    make('google_project_iam_audit_config.data_access["all"]', false, () => {
      cloud.auditConfigs = ['datastore.googleapis.com', 'secretmanager.googleapis.com']
    })
  }
  const { upload_image: image } = variables
  if (image !== '' && !cloud.images.includes(image)) fail(1, 'Error: image not found')
  if (isReady(variables))
    for (const each of functions) makeFunction(cloud, folder, state, name, each)
  else {
    // What is in the state and no longer in the files is destroyed.
    for (const address of functions.map(functionAddress).filter((each) => state.includes(each))) {
      cloud.destroyed.push(address)
      state.splice(state.indexOf(address), 1)
    }
  }
  cloud.applied[cloud.prefix] = text
  return 'Apply complete!\n'
}

/** An organization with domain-restricted sharing, the default of new ones, refuses allUsers. */
function checkPolicies(cloud: FakeCloud, folder: string): void {
  if (
    cloud.policies.domainRestrictedSharing &&
    /allUsers|allAuthenticatedUsers/.test(files(folder))
  ) {
    fail(
      1,
      'Error: Error applying IAM policy: googleapi: Error 400: One or more users named in the policy do not belong to a permitted customer, perhaps due to an organization policy.',
    )
  }
}

function makeFunction(
  cloud: FakeCloud,
  folder: string,
  state: string[],
  name: string,
  fn: string,
): void {
  const service = `${name}-${fn}`
  const address = functionAddress(fn)
  if (state.includes(address)) {
    // An update deploys the Cloud Run service again, which resets what gcloud has set there.
    Object.assign(cloud.runServices[service] ?? {}, { isPublic: false, isBoosted: false })
    return
  }
  if (cloud.functions[service] === 'FAILED') delete cloud.functions[service] // tainted: replaced
  if (service in cloud.functions)
    fail(1, `Error creating function: googleapi: Error 409: already exists`)
  if (service in cloud.runServices) {
    fail(1, 'Error creating function: A Cloud Run service with this name already exists.')
  }
  // Cloud Functions copies the source to a bucket of its own, where the build account must read it.
  if (!files(folder).includes('projects/_/buckets/gcf-v2-sources-')) {
    cloud.functions[service] = 'FAILED'
    fail(1, deniedSource)
  }
  cloud.functions[service] = 'ACTIVE'
  cloud.runServices[service] = { isManaged: true, isPublic: false, isBoosted: false }
  state.push(address)
}

/** As in hashicorp/terraform-provider-google #20571. */
export const deniedSource =
  'Error: Error waiting to create function: Error waiting for Creating function: Error code 13, message: Build failed with status: FAILURE and message: failed to Fetch: failed to download archive gs://gcf-v2-sources-1-europe-west1/driveway-auth/function-source.zip: Access to bucket gcf-v2-sources-1-europe-west1 denied. You must grant Storage Object Viewer permission to driveway-build@my-driveway.iam.gserviceaccount.com.'

function files(folder: string): string {
  const directory = join(folder, 'infra/google')
  const names = readdirSync(directory).filter((name) => name.endsWith('.tf'))
  const texts = names.map((name) => readFileSync(join(directory, name), 'utf8'))
  return texts.join('\n').replaceAll(/^\s*#.*$/gm, '')
}

function destroy(cloud: FakeCloud, text: string): void {
  const { project, name } = parse(text)
  const state = cloud.state[cloud.prefix] ?? []
  const remove = (address: string, from: string[], value: string): string[] =>
    state.includes(address) ? from.filter((each) => each !== value) : from
  cloud.databases = remove(database, cloud.databases, name)
  cloud.repositories = remove(
    'google_artifact_registry_repository.images',
    cloud.repositories,
    name,
  )
  cloud.buckets = remove(
    'google_storage_bucket.source',
    cloud.buckets,
    `gs://${project}-${name}-source`,
  )
  for (const each of ['client', 'keyring']) {
    if (state.includes(secret(each))) delete cloud.secrets[`${name}-${each}`]
  }
  for (const fn of functions.filter((each) => state.includes(functionAddress(each)))) {
    delete cloud.functions[`${name}-${fn}`]
    delete cloud.runServices[`${name}-${fn}`]
  }
  if (state.some((address) => address.includes('audit_config'))) cloud.auditConfigs = []
  cloud.state[cloud.prefix] = []
  delete cloud.applied[cloud.prefix]
}

function outputs({ state, prefix }: FakeCloud): string {
  const isDeployed = state[prefix]?.includes(functionAddress('upload')) ?? false
  const value = isDeployed ? { upload: 'https://driveway-upload-abc-ew.a.run.app' } : {}
  return JSON.stringify({ functions: { value }, upload_h2c: { value: null } })
}
