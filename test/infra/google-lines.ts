/** Every command line that setup, teardown and the docs have, for the parsers of the real programs. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setupSteps } from '../../infra/google/setup/setup-steps.ts'
import type { Options, Step } from '../../infra/google/setup/step.ts'
import { teardownSteps } from '../../infra/google/setup/teardown-steps.ts'
import { root } from '../local/process.ts'

export const options: Options = {
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

export function linesOfSteps(): string[][] {
  const runs = allSteps().flatMap(({ needed = [], done, command, prepare, find }) =>
    [...needed, done, find].map((check) => check?.run).concat([command, prepare]),
  )
  return runs.filter((run) => run !== undefined).map((run) => [...run])
}

/** What steps and docs tell a person to type, in words that are commands of gcloud. */
export async function linesOfDocs(): Promise<string[][]> {
  const files = ['docs/deploy.md', 'docs/upgrade.md', 'docs/runbook.md', 'README.md']
  const text = (await Promise.all(files.map((file) => readFile(join(root, file), 'utf8')))).join(
    '\n',
  )
  const fenced = [...text.matchAll(/^```sh\n(.*?)^```/gms)]
    .map(([, block = '']) => block)
    .join('\n')
  const told = allSteps().map(({ otherwise = '', tell = '' }) => `${otherwise}\n${tell}`)
  const fromSteps = told.flatMap((words) => [...words.matchAll(/ {2}(gcloud [^)\n]+)/g)])
  return [...fenced.replaceAll('\\\n', ' ').split('\n'), ...fromSteps.map(([, line = '']) => line)]
    .map((line) => line.replace(/\s+#.*$/, '').trim())
    .filter((line) => line.startsWith('gcloud '))
    .map((line) => line.replaceAll('$P', options.project)) // the docs have the project there
    .map((line) => line.split(/\s+/).map((word) => word.replaceAll(/["']/g, '')))
}
