/** Steps from an empty Google Cloud project to a running Driveway. They are idempotent. */
import { publicUrl } from './deployment.ts'
import type { Deployment } from './deployment.ts'
import { argv } from './step.ts'
import type { Step } from './step.ts'
import { adoptionSteps, functionAdoptionSteps } from './steps/adoption.ts'
import { containerStep } from './steps/container.ts'
import { hostingSteps, redirectUriStep } from './steps/hosting.ts'
import { identitySteps } from './steps/identities.ts'
import { pageSteps } from './steps/page.ts'
import { programSteps } from './steps/programs.ts'
import { projectSteps } from './steps/project.ts'
import { regionStep } from './steps/region.ts'
import { secretSteps, secretVersionSteps } from './steps/secrets.ts'
import { serviceSteps } from './steps/services.ts'
import { answersStep, readStoredSteps, stateBucketSteps, storeAnswersStep } from './steps/stored.ts'
import { applyStep, initStep, planStep, stateListStep, variablesStep } from './steps/terraform.ts'
import { terraform } from './steps/terraform-commands.ts'

export function setupSteps(deployment: Deployment): Step[] {
  const base = {
    name: 'Base resources',
    why: 'APIs, service accounts, the database, empty secrets, the image repository',
    when: () => !baseAddresses.every((address) => deployment.inState.includes(address)),
  }
  const all = { name: 'Functions', why: 'and every other change in infra/google' }
  return [
    beforeStep(deployment),
    ...programSteps,
    ...identitySteps(deployment),
    ...projectSteps(deployment),
    ...readStoredSteps(deployment),
    answersStep(deployment, { asks: true }),
    regionStep(deployment),
    ...stateBucketSteps(deployment),
    ...hostingSteps(deployment),
    initStep(deployment),
    stateListStep(deployment),
    ...secretVersionSteps(deployment),
    variablesStep(deployment, { isBase: base.when }),
    ...adoptionSteps(deployment),
    variablesStep(deployment, { isBase: base.when }),
    planStep(deployment, base),
    { ...storeAnswersStep(deployment), when: base.when },
    applyStep(deployment, base),
    redirectUriStep(deployment),
    ...secretSteps(deployment),
    containerStep(deployment),
    ...secretVersionSteps(deployment),
    variablesStep(deployment),
    ...functionAdoptionSteps(deployment),
    planStep(deployment, all),
    storeAnswersStep(deployment),
    applyStep(deployment, all),
    ...serviceSteps(deployment),
    ...pageSteps(deployment),
    {
      name: 'URLs',
      why: 'of the functions, without the limits of Firebase Hosting',
      lookup: {
        run: argv`${terraform} output -json`,
        read: (output = '{}') => (deployment.urls = readUrls(output)),
      },
    },
    {
      name: 'URLs for the doctor',
      why: 'npm run doctor without arguments checks this deployment',
      write: { file: deployment.names.urlsFile, content: () => formatUrls(deployment) },
    },
    {
      name: 'Doctor',
      why: 'runs live checks for common misconfigurations',
      when: () => !deployment.flags.plan,
      alwaysRun: argv`npm run --silent doctor -- --env=${deployment.flags.environment}`,
      allowFailure: true,
      showsOutput: true,
    },
  ]
}

/** What the first apply makes: it contains what the following steps fill. */
const baseAddresses = [
  'google_artifact_registry_repository.images',
  'google_firestore_database.driveway',
  'google_secret_manager_secret.secret["client"]',
  'google_secret_manager_secret.secret["keyring"]',
  'google_storage_bucket.source',
]

function beforeStep({ project }: Deployment): Step {
  return {
    name: 'Before you start',
    why: 'what no program can do',
    message: [
      'The first time, a person who owns the project does two things in a browser:',
      '- accept the terms of Firebase: https://console.firebase.google.com/ , "Add project", "Add Firebase to Google Cloud project". Without them, Google refuses the step "Firebase project" (403).',
      `- create the consent screen and the OAuth client: https://console.cloud.google.com/auth/overview?project=${project} (docs/deploy.md, step 4)`,
    ].join('\n'),
  }
}

function formatUrls(deployment: Deployment): string {
  const { project, urls } = deployment
  const values = { project, url: publicUrl(deployment), functionUrl: urls['auth'] }
  return `${JSON.stringify(values, null, 2)}\n`
}

function readUrls(output: string): Record<string, string> {
  const { functions, upload_h2c: container } = JSON.parse(output) as {
    functions?: { value?: Record<string, string> }
    upload_h2c?: { value?: string | null }
  }
  return { ...functions?.value, ...(container?.value ? { container: container.value } : {}) }
}

/** The three addresses that matter, for the end of a run. */
export function summaryRows(deployment: Deployment): [label: string, value: string][] {
  const { project, urls } = deployment
  return [
    ['Page', publicUrl(deployment)],
    ['Scripts', `${urls['container'] ?? urls['upload'] ?? publicUrl(deployment)}/upload/`],
    ['Dashboard', `https://console.cloud.google.com/monitoring/dashboards?project=${project}`],
  ]
}
