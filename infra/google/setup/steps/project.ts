/** The project, its billing account and the APIs that setup itself needs. */
import type { Deployment } from '../deployment.ts'
import { argv } from '../step.ts'
import type { Step } from '../step.ts'

const apis = [
  'artifactregistry',
  'cloudbuild',
  'cloudfunctions',
  'cloudresourcemanager',
  'firebase',
  'firebasehosting',
  'firestore',
  'iam',
  'run',
  'secretmanager',
  'serviceusage',
].map((api) => `${api}.googleapis.com`)

export function projectSteps({ project, flags }: Deployment): Step[] {
  const { billingAccount = '' } = flags
  return [
    {
      name: 'Project',
      why: 'contains all resources',
      unless: {
        run: argv`gcloud projects describe ${project} --format=value(lifecycleState)`,
        matches: /ACTIVE/,
      },
      manualAction: `You have no access to a project ${project}. To create it, run  gcloud projects create ${project} --name=Driveway`,
    },
    {
      name: 'Billing account',
      why: 'functions and the database require one, even if the bill is zero',
      unless: {
        run: argv`gcloud billing projects describe ${project} --format=value(billingEnabled)`,
        matches: /true/i,
      },
      ...(billingAccount === ''
        ? {
            manualAction: `Link a billing account: https://console.cloud.google.com/billing/linkedaccount?project=${project} , or use  --billing-account=…  (gcloud billing accounts list)`,
          }
        : {
            command: argv`gcloud billing projects link ${project} --billing-account=${billingAccount}`,
          }),
    },
    {
      name: 'Required APIs',
      why: 'setup uses them before Terraform enables the others',
      unless: {
        run: argv`gcloud services list --enabled --project=${project} --format=csv[no-heading](config.name)`,
        matches: new RegExp(
          `^${apis.map((api) => `(?=[^]*${api.replaceAll('.', '\\.')})`).join('')}`,
        ),
      },
      command: argv`gcloud services enable ${apis} --project=${project}`,
    },
  ]
}
