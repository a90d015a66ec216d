/** What has to be there before anything can be made: programs, a person, a project, a place for state. */
import { argv } from './step.ts'
import type { SetupOptions, Step } from './step.ts'

/** Terraform in the folder of its files. */
export const terraform = argv`terraform -chdir=infra/google`

export function stateBucket(id: string): string {
  return `gs://${id}-driveway-state`
}

export function prerequisiteSteps(options: SetupOptions): Step[] {
  return [...programs, ...account(options), ...project(options), ...state(options)]
}

const program = (name: string, version: string, why: string, where: string): Step => ({
  name,
  why,
  unless: { run: [name, version] },
  manualAction: `Install ${name}: ${where}`,
})

const programs = [
  program(
    'gcloud',
    'version',
    'talks to Google Cloud',
    'https://cloud.google.com/sdk/docs/install',
  ),
  program(
    'terraform',
    'version',
    'makes what infra/google describes',
    'https://developer.hashicorp.com/terraform/install',
  ),
  program(
    'firebase',
    '--version',
    'uploads the page to Firebase Hosting',
    'npm install --global firebase-tools',
  ),
  program('curl', '--version', 'looks at what is published', 'https://curl.se/download.html'),
]

function account({ project: id }: SetupOptions): Step[] {
  return [
    {
      name: 'Signed in',
      why: 'gcloud acts as you',
      unless: {
        run: argv`gcloud auth list --filter=status:ACTIVE --format=value(account)`,
        matches: /@/,
      },
      command: argv`gcloud auth login`,
    },
    {
      name: 'Signed in for programs',
      why: 'Terraform acts as you too',
      unless: { run: argv`gcloud auth application-default print-access-token` },
      command: argv`gcloud auth application-default login --project=${id}`,
    },
    {
      name: 'Signed in at Firebase',
      why: 'firebase has a sign-in of its own, where the one for programs is not enough',
      unless: { run: argv`firebase projects:list --json` },
      command: argv`firebase login`,
    },
  ]
}

function project({ project: id, billingAccount }: SetupOptions): Step[] {
  const apis = ['cloudresourcemanager', 'serviceusage', 'iam', 'firestore', 'secretmanager'].map(
    (api) => `${api}.googleapis.com`,
  )
  return [
    {
      name: 'The project',
      why: 'everything lives in it',
      unless: {
        run: argv`gcloud projects describe ${id} --format=value(lifecycleState)`,
        matches: /ACTIVE/,
      },
      manualAction: `There is no project ${id} that you can see; this makes it:  gcloud projects create ${id} --name=Driveway`,
    },
    {
      name: 'Billing',
      why: 'functions and the database need an account to bill, also where the bill is nothing',
      unless: {
        run: argv`gcloud billing projects describe ${id} --format=value(billingEnabled)`,
        matches: /true/i,
      },
      ...(billingAccount === ''
        ? {
            manualAction: `Link a billing account: https://console.cloud.google.com/billing/linkedaccount?project=${id} , or say  --billing-account=…  (gcloud billing accounts list)`,
          }
        : {
            command: argv`gcloud billing projects link ${id} --billing-account=${billingAccount}`,
          }),
    },
    {
      name: 'The first services',
      why: 'to look at the project, and to switch the other services on',
      unless: {
        run: argv`gcloud services list --enabled --project=${id} --format=csv[no-heading](config.name)`,
        matches: new RegExp(
          `^${apis.map((api) => `(?=[^]*${api.replaceAll('.', '\\.')})`).join('')}`,
        ),
      },
      command: argv`gcloud services enable ${apis} --project=${id}`,
    },
  ]
}

function state({ project: id, region }: SetupOptions): Step[] {
  const bucket = stateBucket(id)
  return [
    {
      name: 'A bucket for Terraform’s state',
      why: 'so that another machine knows what this one made',
      unless: { run: argv`gcloud storage buckets describe ${bucket} --project=${id}` },
      command: argv`gcloud storage buckets create ${bucket} --project=${id} --location=${region}
        --uniform-bucket-level-access --public-access-prevention`,
    },
    {
      name: 'Older states',
      why: 'a state that was spoiled can be had back',
      unless: {
        run: argv`gcloud storage buckets describe ${bucket} --project=${id} --format=value(versioning_enabled)`,
        matches: /true/i,
      },
      command: argv`gcloud storage buckets update ${bucket} --project=${id} --versioning`,
    },
    initState(id),
  ]
}

export function initState(id: string): Step {
  const bucket = stateBucket(id).replace('gs://', '')
  return {
    name: 'Terraform’s providers',
    why: 'downloads what talks to Google, and opens the state; changes nothing',
    alwaysRun: argv`${terraform} init -input=false -reconfigure -backend-config=bucket=${bucket}`,
  }
}
