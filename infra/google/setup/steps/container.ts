/** The image of the container, for single requests of any size. */
import type { Deployment } from '../deployment.ts'
import { argv } from '../step.ts'
import type { Step } from '../step.ts'

export function containerImage({ project, names, answers, containerVersion }: Deployment): string {
  return `${answers.region}-docker.pkg.dev/${project}/${names.name}/upload-h2c:${containerVersion.slice(0, 16)}`
}

export function containerStep(deployment: Deployment): Step {
  const { project, names } = deployment
  const account = `projects/${project}/serviceAccounts/${names.name}-build@${project}.iam.gserviceaccount.com`
  return {
    name: 'Container image',
    why: 'for single requests of any size; its tag is a hash of its content',
    when: () => deployment.answers.container,
    unless: () => ({
      run: argv`gcloud artifacts docker images describe ${containerImage(deployment)} --project=${project}`,
    }),
    command:
      () => argv`gcloud builds submit . --project=${project} --region=${deployment.answers.region}
      --config=infra/container/cloudbuild.yaml --substitutions=_IMAGE=${containerImage(deployment)} --service-account=${account}
      --gcs-source-staging-dir=${names.sourceBucket}/container`,
    isIndependent: true,
  }
}
