/** Every command line that setup, teardown and the docs have, for the parsers of the real programs. */
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

/** All steps there can be, whatever is answered. */
export function allSteps(): Step[] {
  return [
    ...setupSteps(options),
    ...setupSteps({ ...options, clientFile: '', billingAccount: '' }),
    ...teardownSteps(options, false),
    ...teardownSteps(options, true),
  ]
}

export function stepCommands(): string[][] {
  const runs = allSteps().flatMap(
    ({ onlyIf: needed = [], unless: done, command, alwaysRun: prepare, lookup: find }) =>
      [...needed, done, find].map((check) => check?.run).concat([command, prepare]),
  )
  return runs.filter((run) => run !== undefined).map((run) => [...run])
}

/** What steps and docs tell a person to type, in words that are commands of gcloud. */
export async function documentedCommands(): Promise<string[][]> {
  const files = ['docs/deploy.md', 'docs/upgrade.md', 'docs/runbook.md', 'docs/getting-started.md']
  const text = (await Promise.all(files.map((file) => readFile(join(root, file), 'utf8')))).join(
    '\n',
  )
  const fenced = [...text.matchAll(/^```sh\n(.*?)^```/gms)]
    .map(([, block = '']) => block)
    .join('\n')
  const told = allSteps().map(
    ({ manualAction: otherwise = '', message: tell = '' }) => `${otherwise}\n${tell}`,
  )
  const fromSteps = told.flatMap((words) => [...words.matchAll(/ {2}(gcloud [^)\n]+)/g)])
  return [...fenced.replaceAll('\\\n', ' ').split('\n'), ...fromSteps.map(([, line = '']) => line)]
    .map((line) => line.replace(/\s+#.*$/, '').trim())
    .filter((line) => line.startsWith('gcloud '))
    .map((line) => line.replaceAll('$P', options.project)) // the docs have the project there
    .map((line) => line.split(/\s+/).map((word) => word.replaceAll(/["']/g, '')))
}

/** What stands in for the doctor's placeholders, which are filled in where something is wrong. */
const filled: Record<string, string> = {
  project: options.project,
  'settings.projectId': options.project,
  'account(project)': `serviceAccount:driveway-files@${options.project}.iam.gserviceaccount.com`,
  secret: 'driveway-client',
  number: '1',
  service: 'drive.googleapis.com',
  'names[0]': 'logins',
}

/** Every command of gcloud that the doctor may tell a person to type, from within and from outside. */
export async function doctorCommands(): Promise<string[][]> {
  const folders = ['functions/auth/doctor', 'infra/doctor'].map(async (folder) => {
    const names = await readdir(join(root, folder))
    return names.map((name) => readFile(join(root, folder, name), 'utf8'))
  })
  const texts = await Promise.all((await Promise.all(folders)).flat())
  const written = texts.flatMap((text) => [...text.matchAll(/`(gcloud [^`]+)`/g)])
  return written.map(([, line = '']) =>
    line
      .replaceAll(/\$\{([^}]+)\}/g, (_, what: string) => {
        const value = filled[what]
        if (value === undefined) throw new Error(`Nothing stands in for ${what} in ${line}`)
        return value
      })
      .split(' ')
      .map((word) => word.replaceAll("'", '')),
  )
}
