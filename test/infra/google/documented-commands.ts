/** Collects every command of setup, teardown, the doctor and the docs. */
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { defaultAnswers } from '../../../infra/google/setup/answers.ts'
import { createDeployment } from '../../../infra/google/setup/deployment.ts'
import type { Deployment } from '../../../infra/google/setup/deployment.ts'
import { readFlags } from '../../../infra/google/setup/flags.ts'
import { setupSteps } from '../../../infra/google/setup/setup-steps.ts'
import { valueOf } from '../../../infra/google/setup/step.ts'
import type { Step } from '../../../infra/google/setup/step.ts'
import { teardownSteps } from '../../../infra/google/setup/teardown-steps.ts'
import { root } from '../../kit/process.ts'

export const project = 'my-driveway'

/** The deployment of the examples in docs/deploy.md. */
/** @param adopted what setup has taken over because of --adopt */
export function exampleDeployment(args: string[] = [], adopted: string[] = []): Deployment {
  const deployment = createDeployment(project, readFlags([`--project=${project}`, ...args]))
  return Object.assign(deployment, {
    answers: { ...defaultAnswers, container: true },
    containerVersion: 'b'.repeat(64),
    records: {
      site: { id: 'my-driveway', isOwn: true },
      adopted,
      kept: [],
      hasForeignAuditLogs: false,
    },
    inState: [
      'google_firestore_database.driveway',
      'google_secret_manager_secret.secret["client"]',
    ],
  })
}

/** All possible steps, for all combinations of options. */
export function allSteps(): Step[] {
  const client = '--client=client_id.json'
  return [
    ...setupSteps(exampleDeployment([client, '--billing-account=012345-678901-ABCDEF'])),
    ...setupSteps(exampleDeployment()),
    ...teardownSteps(exampleDeployment()),
    ...teardownSteps(exampleDeployment(['--with-data'], ['database'])),
  ]
}

export function stepCommands(): string[][] {
  const runs = allSteps().flatMap(({ onlyIf = [], unless, lookup, command, alwaysRun, act }) => [
    ...valueOf(onlyIf).map((check) => check.run),
    unless === undefined ? undefined : valueOf(unless).run,
    ...[lookup?.run, command, alwaysRun, ...(act?.reads ?? []), ...(act?.changes ?? [])].map(
      (run) => (run === undefined ? undefined : valueOf(run)),
    ),
  ])
  return runs.filter((run) => run !== undefined).map((run) => [...run])
}

/** Returns the gcloud commands that the steps and the docs tell the user to run. */
export async function documentedCommands(): Promise<string[][]> {
  const files = ['docs/deploy.md', 'docs/upgrade.md', 'docs/runbook.md', 'docs/getting-started.md']
  const text = (await Promise.all(files.map((file) => readFile(join(root, file), 'utf8')))).join(
    '\n',
  )
  const fenced = [...text.matchAll(/^```sh\n(.*?)^```/gms)]
    .map(([, block = '']) => block)
    .join('\n')
  const texts = allSteps().map(
    ({ manualAction = '', message = '' }) => `${valueOf(manualAction)}\n${valueOf(message)}`,
  )
  const fromSteps = texts.flatMap((stepText) => [...stepText.matchAll(/ {2}(gcloud [^)\n]+)/g)])
  return [...fenced.replaceAll('\\\n', ' ').split('\n'), ...fromSteps.map(([, line = '']) => line)]
    .map((line) => line.replace(/\s+#.*$/, '').trim())
    .filter((line) => line.startsWith('gcloud '))
    .map((line) => line.replaceAll('$P', project)) // the docs use $P for the project
    .map((line) => line.split(/\s+/).map((word) => word.replaceAll(/["']/g, '')))
}

/** Values for the placeholders in the commands of the doctor. */
const placeholders: Record<string, string> = {
  project,
  database: 'driveway',
  'settings.databaseId': 'driveway',
  'settings.projectId': project,
  'context.settings.projectId': project,
  'serviceAccount(project)': `serviceAccount:driveway-files@${project}.iam.gserviceaccount.com`,
  secret: 'driveway-client',
  number: '1',
  service: 'drive.googleapis.com',
  'collections[0]': 'singleUse',
}

/** Returns the gcloud commands that the doctor and its server checks may print. */
export async function doctorCommands(): Promise<string[][]> {
  const folders = ['functions/auth/doctor', 'infra/doctor'].map(async (folder) => {
    const names = await readdir(join(root, folder))
    return names.map((name) => readFile(join(root, folder, name), 'utf8'))
  })
  const texts = await Promise.all((await Promise.all(folders)).flat())
  const commands = texts.flatMap((stepText) => [...stepText.matchAll(/`(gcloud [^`]+)`/g)])
  return commands.map(([, line = '']) =>
    line
      .replaceAll(/\$\{([^}]+)\}/g, (_, expression: string) => {
        const value = placeholders[expression]
        if (value === undefined) throw new Error(`No value for ${expression} in ${line}`)
        return value
      })
      .split(' ')
      .map((word) => word.replaceAll("'", '')),
  )
}
