/** Whether Functions, Firestore, Artifact Registry and Cloud Build serve the region. */
import { CliError } from '../../../local/cli-error.ts'
import type { Deployment } from '../deployment.ts'
import { capture } from '../programs.ts'
import { argv } from '../step.ts'
import type { Command, Step } from '../step.ts'

export function regionStep(deployment: Deployment): Step {
  const { project } = deployment
  const lists: Record<string, Command> = {
    'Cloud Functions': argv`gcloud functions regions list --gen2 --project=${project} --format=value(name)`,
    Firestore: argv`gcloud firestore locations list --project=${project} --format=value(name)`,
    'Artifact Registry': argv`gcloud artifacts locations list --project=${project} --format=value(name)`,
  }
  const token = argv`gcloud auth print-access-token`
  // gcloud has no command for the locations of Cloud Build.
  const builds = argv`curl --fail --silent --header @- https://cloudbuild.googleapis.com/v2/projects/${project}/locations?pageSize=500`
  return {
    name: 'Region',
    why: 'Cloud Functions, Firestore, Artifact Registry and Cloud Build must serve it',
    act: {
      reads: [...Object.values(lists), token, builds],
      changes: [],
      async run({ terminal }) {
        const { region } = deployment.answers
        // Once the state bucket exists, the region has been checked, and cannot change.
        if (deployment.objects.length > 0) return 'already done'
        const results = await Promise.all([
          ...Object.entries(lists).map(async ([name, run]) => [name, await capture(run)] as const),
          capture(token)
            .then(({ stdout }) => capture(builds, `Authorization: Bearer ${stdout.trim()}\n`))
            .then((result) => ['Cloud Build', result] as const),
        ])
        const isServed = new RegExp(`(?:^|[/"])${region}(?:$|")`, 'm')
        const answered = results.filter(([, { code }]) => code === 0)
        const refusing = answered.filter(([, { stdout }]) => !isServed.test(stdout))
        if (refusing.length > 0) {
          const served = answered
            .map(([, { stdout }]) => new Set(stdout.match(/\b[a-z]+-[a-z]+\d+\b/g)))
            .reduce((all, regions) => new Set([...all].filter((each) => regions.has(each))))
          throw new CliError(
            `Cannot use --region=${region}: ${refusing.map(([name]) => name).join(' and ')} do not serve it. ` +
              `These do: ${[...served].toSorted().join(', ')}`,
          )
        }
        const unknown = results.filter(([, { code }]) => code !== 0).map(([name]) => name)
        if (unknown.length > 0) {
          terminal.print(`      Could not check the region with ${unknown.join(', ')}`)
        }
        return 'already done'
      },
    },
  }
}
