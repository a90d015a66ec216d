/** From a project of Google Cloud to a running Driveway; running it again changes nothing. */
import { prerequisiteSteps, terraform } from './prerequisites.ts'
import { argv } from './step.ts'
import type { CommandCheck, LookupValues, SetupOptions, Step } from './step.ts'

export const variablesFile = 'infra/google/driveway.auto.tfvars.json'

export function setupSteps(options: SetupOptions): Step[] {
  return [
    ...prerequisiteSteps(options),
    ...versions(options),
    variables(options),
    ...importExisting(options),
    ...secretContainers(options),
    ...secrets(options),
    ...(options.container ? [image(options)] : []),
    ...functions(options),
    ...['auth', 'callback', 'files', 'upload'].map((name) => startupCpuBoost(name, options)),
    ...hosting(options),
    {
      name: 'The addresses',
      why: 'of the page, and of the functions themselves, where Hosting’s limits are not',
      alwaysRun: argv`${terraform} output`,
    },
    doctor(options),
  ]
}

/** Looks which versions there are: the functions are given numbers, never `latest`. */
function versions({ project }: SetupOptions): Step[] {
  return (['client', 'keyring'] as const).map((name) => ({
    name: `The version of driveway-${name}`,
    why: 'functions are pinned to it',
    find: {
      run: argv`gcloud secrets versions list driveway-${name} --project=${project}
        --filter=state=ENABLED --sort-by=~createTime --limit=1 --format=value(name.basename())`,
      as: `${name}Version`,
    },
  }))
}

function variables(options: SetupOptions): Step {
  return {
    name: 'Terraform’s variables',
    why: 'your answers, and numbers of versions; no secret',
    write: { file: variablesFile, content: (found) => variablesOf(options, found) },
  }
}

function variablesOf(options: SetupOptions, found: LookupValues): string {
  const values = {
    project: options.project,
    region: options.region,
    public_url: options.publicUrl,
    client_version: Number(found.clientVersion),
    keyring_version: Number(found.keyringVersion),
    settings: options.settings,
    alert_email: options.alertEmail,
    billing_account: options.billingAccount,
    monthly_budget: options.monthlyBudget,
    upload_image: options.container ? imageName(options) : '',
  }
  return `${JSON.stringify(values, null, 2)}\n`
}

/** What the project has already is taken over, rather than refused. */
function importExisting({ project }: SetupOptions): Step[] {
  const adopt = (what: string, address: string, id: string, there: CommandCheck): Step => ({
    name: `${what}, where there is one`,
    why: 'Terraform shall know it',
    onlyIf: [there],
    unless: { run: argv`${terraform} state show -no-color ${address}` },
    command: argv`${terraform} import -input=false ${address} projects/${project}/${id}`,
  })
  const database: CommandCheck = {
    run: argv`gcloud firestore databases describe --database=(default) --project=${project} --format=value(type)`,
    matches: /FIRESTORE_NATIVE/,
  }
  const rules = 'google_firebaserules_release.firestore'
  return [
    adopt('The database', 'google_firestore_database.driveway', 'databases/(default)', database),
    // A database that was never given rules has no release of them.
    { ...adopt('Its rules', rules, 'releases/cloud.firestore', database), allowFailure: true },
    ...['client', 'keyring'].map((name) =>
      adopt(
        `The secret driveway-${name}`,
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

/** A first round for what the secrets and the container's image are put into. */
function secretContainers(options: SetupOptions): Step[] {
  const { project, region } = options
  const needed: CommandCheck[] = [
    argv`gcloud secrets describe driveway-client --project=${project}`,
    argv`gcloud secrets describe driveway-keyring --project=${project}`,
    argv`gcloud artifacts repositories describe driveway --location=${region} --project=${project}`,
    argv`gcloud storage buckets describe gs://${project}-driveway-source --project=${project}`,
  ].map((run) => ({ run, fails: true }))
  return [
    { ...variables({ ...options, container: false }), onlyIf: needed },
    {
      ...apply,
      name: 'The boxes',
      why: 'services, accounts, the database, and what secrets and images are put into',
      onlyIf: needed,
    },
  ]
}

function secrets({ project, publicUrl, clientFile }: SetupOptions): Step[] {
  const there = (name: string): CommandCheck => ({
    run: argv`gcloud secrets versions list driveway-${name} --project=${project}
      --filter=state=ENABLED --format=value(name)`,
    matches: /\d/,
  })
  const add = (name: string): string[] =>
    argv`gcloud secrets versions add driveway-${name} --project=${project} --data-file=-`
  const client: Step = {
    name: 'The client’s file into Secret Manager',
    why: 'by it Google knows Driveway',
    ...(clientFile === ''
      ? {
          unless: there('client'),
          manualAction:
            'Download the client’s JSON file from Google’s console and say  --client=client_id.json',
        }
      : {
          unless: {
            run: argv`gcloud secrets versions access latest --secret=driveway-client --project=${project}`,
            equalsSecret: 'client',
          },
          command: add('client'),
          stdin: 'client',
        }),
  }
  return [
    {
      name: 'The redirect URI',
      why: 'Google sends browsers nowhere else',
      message: `Register at https://console.cloud.google.com/auth/clients?project=${project} , letter by letter:  ${publicUrl}/callback`,
    },
    client,
    {
      name: 'A keyring into Secret Manager',
      why: 'seals refresh tokens; made once, since without it nobody’s grant opens again',
      unless: there('keyring'),
      command: add('keyring'),
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
    name: 'The container’s image',
    why: 'for single requests of any size; named by what is in it',
    unless: { run: argv`gcloud artifacts docker images describe ${name} --project=${project}` },
    command: argv`gcloud builds submit . --project=${project} --region=${region}
      --config=infra/container/cloudbuild.yaml --substitutions=_IMAGE=${name}
      --gcs-source-staging-dir=gs://${project}-driveway-source/container`,
  }
}

function functions(options: SetupOptions): Step[] {
  return [
    ...versions(options),
    variables(options),
    { ...apply, name: 'The functions', why: 'with whatever else is not as infra/google has it' },
  ]
}

function startupCpuBoost(name: string, { project, region }: SetupOptions): Step {
  return {
    name: `Start-up CPU boost of ${name}`,
    why: 'a new instance answers sooner; Terraform’s function has no field for it',
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
      name: 'Firebase',
      why: 'Hosting belongs to it',
      unless: { run: argv`firebase hosting:sites:list --project=${project} --json` },
      command: argv`firebase projects:addfirebase ${project}`,
    },
    {
      name: 'The page',
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

function doctor({ publicUrl, doctor: isThere }: SetupOptions): Step {
  if (!isThere)
    return { name: 'Ready', why: 'to be tried', message: `Open ${publicUrl} and sign in` }
  return {
    name: 'The doctor',
    why: 'tries for real each thing that is usually wrong',
    alwaysRun: argv`npm run --silent doctor -- ${publicUrl}`,
    allowFailure: true,
  }
}
