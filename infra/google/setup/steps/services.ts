/** What Terraform's function resource has no fields for, on the Cloud Run services of the functions. */
import type { Deployment } from '../deployment.ts'
import { functionNames } from '../names.ts'
import { argv } from '../step.ts'
import type { Step } from '../step.ts'

export function serviceSteps(deployment: Deployment): Step[] {
  const { project, names } = deployment
  return functionNames.map((fn) => {
    const service = names.services[fn]
    return {
      name: `Public access and CPU boost of ${service}`,
      why: 'browsers have no Google account, so Cloud Run must not check for one; the boost shortens cold starts. A change of a function may reset both',
      unless: () => ({
        run: argv`gcloud run services describe ${service} --project=${project} --region=${deployment.answers.region}
          --format=yaml(metadata.annotations,spec.template.metadata.annotations)`,
        matches: /invoker-iam-disabled: '?true'?(?=[^]*startup-cpu-boost: 'true')/i,
      }),
      command: () =>
        argv`gcloud run services update ${service} --project=${project} --region=${deployment.answers.region} --no-invoker-iam-check --cpu-boost`,
      advice: [
        {
          matches: /requireInvokerIam|organization polic|constraints\//i,
          text: 'Your organization forbids public services (constraints/run.managed.requireInvokerIam): an administrator has to allow them for this project.',
        },
      ],
      retryOn: /PERMISSION_DENIED|Permission .* denied/,
      isIndependent: true,
    }
  })
}
