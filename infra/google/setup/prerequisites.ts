/** Steps before Terraform can run: programs, credentials, the project, and the state bucket. */
import { argv } from './step.ts'
import type { SetupOptions, Step } from './step.ts'

/** The arguments that run Terraform in infra/google. */
export const terraform = argv`terraform -chdir=infra/google`

export function stateBucket(projectId: string): string {
  return `gs://${projectId}-driveway-state`
}

export function prerequisiteSteps(options: SetupOptions): Step[] {
  return [...programs, ...credentials(options), ...project(options), ...state(options)]
}

const program = (name: string, version: string, why: string, source: string): Step => ({
  name,
  why,
  unless: { run: [name, version] },
  manualAction: `Install ${name}: ${source}`,
})

const programs = [
  program('gcloud', 'version', 'manages Google Cloud', 'https://cloud.google.com/sdk/docs/install'),
  program(
    'terraform',
    'version',
    'creates the resources of infra/google',
    'https://developer.hashicorp.com/terraform/install',
  ),
  program(
    'firebase',
    '--version',
    'deploys the page to Firebase Hosting',
    'npm install --global firebase-tools',
  ),
  program('curl', '--version', 'checks which page is published', 'https://curl.se/download.html'),
]

function credentials({ project: id }: SetupOptions): Step[] {
  return [
    {
      name: 'gcloud sign-in',
      why: 'gcloud acts in your name',
      unless: {
        run: argv`gcloud auth list --filter=status:ACTIVE --format=value(account)`,
        matches: /@/,
      },
      command: argv`gcloud auth login`,
    },
    {
      name: 'Application default credentials',
      why: 'Terraform acts in your name',
      unless: { run: argv`gcloud auth application-default print-access-token` },
      command: argv`gcloud auth application-default login --project=${id}`,
    },
    {
      name: 'Firebase sign-in',
      why: 'firebase has its own sign-in if the default credentials are not sufficient',
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
      name: 'Project',
      why: 'contains all resources',
      unless: {
        run: argv`gcloud projects describe ${id} --format=value(lifecycleState)`,
        matches: /ACTIVE/,
      },
      manualAction: `You have no access to a project ${id}. To create it, run  gcloud projects create ${id} --name=Driveway`,
    },
    {
      name: 'Billing account',
      why: 'functions and the database require one, even if the bill is zero',
      unless: {
        run: argv`gcloud billing projects describe ${id} --format=value(billingEnabled)`,
        matches: /true/i,
      },
      ...(billingAccount === ''
        ? {
            manualAction: `Link a billing account: https://console.cloud.google.com/billing/linkedaccount?project=${id} , or use  --billing-account=…  (gcloud billing accounts list)`,
          }
        : {
            command: argv`gcloud billing projects link ${id} --billing-account=${billingAccount}`,
          }),
    },
    {
      name: 'Required APIs',
      why: 'to read the project and to enable the other APIs',
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
      name: 'Terraform state bucket',
      why: 'shares the state with other machines',
      unless: { run: argv`gcloud storage buckets describe ${bucket} --project=${id}` },
      command: argv`gcloud storage buckets create ${bucket} --project=${id} --location=${region}
        --uniform-bucket-level-access --public-access-prevention`,
    },
    {
      name: 'State versioning',
      why: 'allows an earlier state to be restored',
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
    name: 'Terraform init',
    why: 'downloads the locked providers and reads the state; changes nothing',
    alwaysRun: argv`${terraform} init -input=false -lockfile=readonly -reconfigure -backend-config=bucket=${bucket}`,
  }
}
