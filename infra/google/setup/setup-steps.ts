/** Steps from an empty Google Cloud project to a running Driveway. They are idempotent. */
import { prerequisiteSteps, terraform } from './prerequisites.ts'
import { argv } from './step.ts'
import type { CommandCheck, LookupValues, SetupOptions, Step } from './step.ts'

export const variablesFile = 'infra/google/driveway.auto.tfvars.json'

export function setupSteps(options: SetupOptions): Step[] {
  return [
    ...prerequisiteSteps(options),
    ...secretVersions(options),
    variables(options),
    ...importExisting(options),
    ...secretContainers(options),
    ...secrets(options),
    ...(options.container ? [image(options)] : []),
    ...functions(options),
    ...['auth', 'callback', 'files', 'upload'].map((name) => startupCpuBoost(name, options)),
    ...hosting(options),
    {
      name: 'URLs',
      why: 'of the page, and of the functions without the limits of Firebase Hosting',
      alwaysRun: argv`${terraform} output`,
    },
    doctor(options),
  ]
}

/** Reads the current versions: the functions are pinned to a number, never to `latest`. */
function secretVersions({ project }: SetupOptions): Step[] {
  return (['client', 'keyring'] as const).map((name) => ({
    name: `Version of the secret driveway-${name}`,
    why: 'the functions are pinned to it',
    lookup: {
      run: argv`gcloud secrets versions list driveway-${name} --project=${project}
        --filter=state=ENABLED --sort-by=~createTime --limit=1 --format=value(name.basename())`,
      as: `${name}Version`,
    },
  }))
}

function variables(options: SetupOptions): Step {
  return {
    name: 'Terraform variables',
    why: 'your options and the secret versions, without any secret',
    write: { file: variablesFile, content: (values) => formatVariables(options, values) },
  }
}

function formatVariables(options: SetupOptions, lookups: LookupValues): string {
  const values = {
    project: options.project,
    region: options.region,
    public_url: options.publicUrl,
    client_version: Number(lookups.clientVersion),
    keyring_version: Number(lookups.keyringVersion),
    settings: options.settings,
    alert_email: options.alertEmail,
    billing_account: options.billingAccount,
    monthly_budget: options.monthlyBudget,
    upload_image: options.container ? imageName(options) : '',
  }
  return `${JSON.stringify(values, null, 2)}\n`
}

/** Imports existing resources into the Terraform state; creating them again would fail. */
function importExisting({ project }: SetupOptions): Step[] {
  const importStep = (name: string, address: string, id: string, exists: CommandCheck): Step => ({
    name: `Import of ${name}`,
    why: 'Terraform manages it if it exists',
    onlyIf: [exists],
    unless: { run: argv`${terraform} state show -no-color ${address}` },
    command: argv`${terraform} import -input=false ${address} projects/${project}/${id}`,
  })
  const database: CommandCheck = {
    run: argv`gcloud firestore databases describe --database=(default) --project=${project} --format=value(type)`,
    matches: /FIRESTORE_NATIVE/,
  }
  const rules = 'google_firebaserules_release.firestore'
  return [
    importStep(
      'the database',
      'google_firestore_database.driveway',
      'databases/(default)',
      database,
    ),
    // A database without rules has no release of them.
    {
      ...importStep('the database rules', rules, 'releases/cloud.firestore', database),
      allowFailure: true,
    },
    ...['client', 'keyring'].map((name) =>
      importStep(
        `the secret driveway-${name}`,
        `google_secret_manager_secret.secret["${name}"]`,
        `secrets/driveway-${name}`,
        { run: argv`gcloud secrets describe driveway-${name} --project=${project}` },
      ),
    ),
  ]
}

const apply: Pick<Step, 'unless' | 'command'> = {
  unless: { run: argv`${terraform} plan -input=false -lock=false -detailed-exitcode` },
  command: argv`${terraform} apply -input=false -auto-approve`,
}

/** A first `terraform apply`, which creates the containers of the secrets and of the images. */
function secretContainers(options: SetupOptions): Step[] {
  const { project, region } = options
  const onlyIf: CommandCheck[] = [
    argv`gcloud secrets describe driveway-client --project=${project}`,
    argv`gcloud secrets describe driveway-keyring --project=${project}`,
    argv`gcloud artifacts repositories describe driveway --location=${region} --project=${project}`,
    argv`gcloud storage buckets describe gs://${project}-driveway-source --project=${project}`,
  ].map((run) => ({ run, expectFailure: true }))
  return [
    { ...variables({ ...options, container: false }), onlyIf },
    {
      ...apply,
      name: 'Base resources',
      why: 'APIs, service accounts, the database, empty secrets, the image repository',
      onlyIf,
    },
  ]
}

function secrets({ project, publicUrl, clientFile }: SetupOptions): Step[] {
  const hasVersion = (name: string): CommandCheck => ({
    run: argv`gcloud secrets versions list driveway-${name} --project=${project}
      --filter=state=ENABLED --format=value(name)`,
    matches: /\d/,
  })
  const addVersion = (name: string): string[] =>
    argv`gcloud secrets versions add driveway-${name} --project=${project} --data-file=-`
  const client: Step = {
    name: 'OAuth client secret',
    why: 'authenticates Driveway to Google; stored in Secret Manager',
    ...(clientFile === ''
      ? {
          unless: hasVersion('client'),
          manualAction:
            'Download the client’s JSON file from Google’s console and use  --client=client_id.json',
        }
      : {
          unless: {
            run: argv`gcloud secrets versions access latest --secret=driveway-client --project=${project}`,
            equalsSecret: 'client',
          },
          command: addVersion('client'),
          stdin: 'client',
        }),
  }
  return [
    {
      name: 'Redirect URI',
      why: 'Google redirects only to registered URIs',
      message: `Register exactly this URI at https://console.cloud.google.com/auth/clients?project=${project} :  ${publicUrl}/callback`,
    },
    client,
    {
      name: 'Keyring secret',
      why: 'encrypts refresh tokens; created once, because the stored grants need it',
      unless: hasVersion('keyring'),
      command: addVersion('keyring'),
      stdin: 'keyring',
    },
  ]
}

function imageName({ project, region, built }: SetupOptions): string {
  return `${region}-docker.pkg.dev/${project}/driveway/upload-h2c:${built.container.slice(0, 16)}`
}

function image(options: SetupOptions): Step {
  const { project, region } = options
  const name = imageName(options)
  return {
    name: 'Container image',
    why: 'for single requests of any size; its tag is a hash of its content',
    unless: { run: argv`gcloud artifacts docker images describe ${name} --project=${project}` },
    command: argv`gcloud builds submit . --project=${project} --region=${region}
      --config=infra/container/cloudbuild.yaml --substitutions=_IMAGE=${name}
      --gcs-source-staging-dir=gs://${project}-driveway-source/container`,
  }
}

function functions(options: SetupOptions): Step[] {
  return [
    ...secretVersions(options),
    variables(options),
    { ...apply, name: 'Functions', why: 'and every other change in infra/google' },
  ]
}

function startupCpuBoost(name: string, { project, region }: SetupOptions): Step {
  return {
    name: `Startup CPU boost of ${name}`,
    why: 'shortens cold starts; Terraform’s function resource has no such field',
    unless: {
      run: argv`gcloud run services describe ${name} --project=${project} --region=${region}
        --format=yaml(spec.template.metadata.annotations)`,
      matches: /startup-cpu-boost: 'true'/,
    },
    command: argv`gcloud run services update ${name} --project=${project} --region=${region} --cpu-boost`,
  }
}

function hosting({ project, publicUrl, built }: SetupOptions): Step[] {
  return [
    {
      name: 'Firebase project',
      why: 'Firebase Hosting requires it',
      unless: { run: argv`firebase hosting:sites:list --project=${project} --json` },
      command: argv`firebase projects:addfirebase ${project}`,
    },
    {
      name: 'Firebase Hosting',
      why: 'one origin for the page and the four functions',
      unless: {
        run: argv`curl --fail --silent --show-error ${publicUrl}/version.txt`,
        matches: new RegExp(`^${built.site}$`, 'm'),
      },
      command: argv`firebase deploy --only=hosting --project=${project} --config=dist/firebase.json
        --non-interactive`,
    },
  ]
}

function doctor({ publicUrl, doctor: hasDoctor }: SetupOptions): Step {
  if (!hasDoctor) {
    return { name: 'Ready', why: 'try it', message: `Open ${publicUrl} and sign in` }
  }
  return {
    name: 'Doctor',
    why: 'runs live checks for common misconfigurations',
    alwaysRun: argv`npm run --silent doctor -- ${publicUrl}`,
    allowFailure: true,
  }
}
