/** What has to be there before anything can be made: programs, a person, a project, a place for state. */
import { line } from './step.ts'
import type { Options, Step } from './step.ts'

/** Terraform in the folder of its files. */
export const terraform = line`terraform -chdir=infra/google`

export function stateBucket(id: string): string {
  return `gs://${id}-driveway-state`
}

export function groundSteps(options: Options): Step[] {
  return [...programs, ...account(options), ...project(options), ...state(options)]
}

const program = (name: string, version: string, why: string, where: string): Step => ({
  name,
  why,
  done: { run: [name, version] },
  otherwise: `Install ${name}: ${where}`,
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

function account({ project: id }: Options): Step[] {
  return [
    {
      name: 'Signed in',
      why: 'gcloud acts as you',
      done: {
        run: line`gcloud auth list --filter=status:ACTIVE --format=value(account)`,
        says: /@/,
      },
      command: line`gcloud auth login`,
    },
    {
      name: 'Signed in for programs',
      why: 'Terraform acts as you too',
      done: { run: line`gcloud auth application-default print-access-token` },
      command: line`gcloud auth application-default login --project=${id}`,
    },
    {
      name: 'Signed in at Firebase',
      why: 'firebase has a sign-in of its own, where the one for programs is not enough',
      done: { run: line`firebase projects:list --json` },
      command: line`firebase login`,
    },
  ]
}

function project({ project: id, billingAccount }: Options): Step[] {
  const apis = ['cloudresourcemanager', 'serviceusage', 'iam', 'firestore', 'secretmanager'].map(
    (api) => `${api}.googleapis.com`,
  )
  return [
    {
      name: 'The project',
      why: 'everything lives in it',
      done: {
        run: line`gcloud projects describe ${id} --format=value(lifecycleState)`,
        says: /ACTIVE/,
      },
      otherwise: `There is no project ${id} that you can see; this makes it:  gcloud projects create ${id} --name=Driveway`,
    },
    {
      name: 'Billing',
      why: 'functions and the database need an account to bill, also where the bill is nothing',
      done: {
        run: line`gcloud billing projects describe ${id} --format=value(billingEnabled)`,
        says: /true/i,
      },
      ...(billingAccount === ''
        ? {
            otherwise: `Link a billing account: https://console.cloud.google.com/billing/linkedaccount?project=${id} , or say  --billing-account=…  (gcloud billing accounts list)`,
          }
        : {
            command: line`gcloud billing projects link ${id} --billing-account=${billingAccount}`,
          }),
    },
    {
      name: 'The first services',
      why: 'to look at the project, and to switch the other services on',
      done: {
        run: line`gcloud services list --enabled --project=${id} --format=csv[no-heading](config.name)`,
        says: new RegExp(`^${apis.map((api) => `(?=[^]*${api.replaceAll('.', '\\.')})`).join('')}`),
      },
      command: line`gcloud services enable ${apis} --project=${id}`,
    },
  ]
}

function state({ project: id, region }: Options): Step[] {
  const bucket = stateBucket(id)
  return [
    {
      name: 'A bucket for Terraform’s state',
      why: 'so that another machine knows what this one made',
      done: { run: line`gcloud storage buckets describe ${bucket} --project=${id}` },
      command: line`gcloud storage buckets create ${bucket} --project=${id} --location=${region}
        --uniform-bucket-level-access --public-access-prevention`,
    },
    {
      name: 'Older states',
      why: 'a state that was spoiled can be had back',
      done: {
        run: line`gcloud storage buckets describe ${bucket} --project=${id} --format=value(versioning_enabled)`,
        says: /true/i,
      },
      command: line`gcloud storage buckets update ${bucket} --project=${id} --versioning`,
    },
    openState(id),
  ]
}

export function openState(id: string): Step {
  const bucket = stateBucket(id).replace('gs://', '')
  return {
    name: 'Terraform’s providers',
    why: 'downloads what talks to Google, and opens the state; changes nothing',
    prepare: line`${terraform} init -input=false -reconfigure -backend-config=bucket=${bucket}`,
  }
}
