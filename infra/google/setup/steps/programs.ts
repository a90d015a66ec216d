/** The programs that setup runs. */
import type { Step } from '../step.ts'

const program = (name: string, version: string, why: string, source: string): Step => ({
  name,
  why,
  unless: { run: [name, version] },
  manualAction: `Install ${name}: ${source}`,
})

export const programSteps: Step[] = [
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
