/** Collects every command of setup, teardown, the doctor and the docs. */
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setupSteps } from '../../../infra/google/setup/setup-steps.ts'
import type { SetupOptions, Step } from '../../../infra/google/setup/step.ts'
import { teardownSteps } from '../../../infra/google/setup/teardown-steps.ts'
import { root } from '../../kit/process.ts'

export const options: SetupOptions = {
  project: 'my-driveway',
  region: 'europe-west1',
  publicUrl: 'https://my-driveway.web.app',
  clientFile: 'client_id.json',
  settings: {},
  alertEmail: '',
  billingAccount: '012345-678901-ABCDEF',
  monthlyBudget: 10,
  container: true,
  built: { site: 'a'.repeat(64), container: 'b'.repeat(64) },
  doctor: true,
}

/** All possible steps, for all combinations of options. */
export function allSteps(): Step[] {
  return [
    ...setupSteps(options),
    ...setupSteps({ ...options, clientFile: '', billingAccount: '' }),
    ...teardownSteps(options, false),
    ...teardownSteps(options, true),
  ]
}

export function stepCommands(): string[][] {
  const runs = allSteps().flatMap(({ onlyIf = [], unless, lookup, command, alwaysRun }) =>
    [...onlyIf, unless, lookup].map((check) => check?.run).concat([command, alwaysRun]),
  )
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
    ({ manualAction = '', message = '' }) => `${manualAction}\n${message}`,
  )
  const fromSteps = texts.flatMap((stepText) => [...stepText.matchAll(/ {2}(gcloud [^)\n]+)/g)])
  return [...fenced.replaceAll('\\\n', ' ').split('\n'), ...fromSteps.map(([, line = '']) => line)]
    .map((line) => line.replace(/\s+#.*$/, '').trim())
    .filter((line) => line.startsWith('gcloud '))
    .map((line) => line.replaceAll('$P', options.project)) // the docs use $P for the project
    .map((line) => line.split(/\s+/).map((word) => word.replaceAll(/["']/g, '')))
}

/** Values for the placeholders in the commands of the doctor. */
const placeholders: Record<string, string> = {
  project: options.project,
  'settings.projectId': options.project,
  'context.settings.projectId': options.project,
  'serviceAccount(project)': `serviceAccount:driveway-files@${options.project}.iam.gserviceaccount.com`,
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
