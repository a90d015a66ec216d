/**
 * `npm run setup` and `npm run teardown`: Driveway in a project of Google Cloud, and out of it again.
 * What is uploaded has been built just before (`infra/local/build.mjs`).
 */
import { createHash } from 'node:crypto'
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readClientFile } from '../../local/client-file.ts'
import type { HostingConfig } from '../../local/hosting.ts'
import { CliError } from '../../local/cli-error.ts'
import { newKeyring } from '../../sandbox/keyring.ts'
import { describeSteps } from './describe.ts'
import { createPrompt, readOptions } from './options.ts'
import type { CliOptions, PreviousVariables } from './options.ts'
import { runSteps } from './run.ts'
import { setupSteps, variablesFile } from './setup-steps.ts'
import type { SetupOptions, Secret } from './step.ts'
import { teardownSteps } from './teardown-steps.ts'

const isTeardown = process.argv[2] === 'teardown'

await main(process.argv.slice(isTeardown ? 3 : 2)).catch((error: unknown) => {
  console.error(error instanceof CliError ? error.message : error)
  process.exitCode = 1
})

async function main(args: string[]): Promise<void> {
  const before = await readJson<PreviousVariables>(variablesFile).catch(() => ({}))
  const answers = await readOptions(args, before, createPrompt())
  const { dryRun } = answers
  const { scripts } = await readJson<{ scripts: Record<string, string> }>('package.json')
  const options: SetupOptions = {
    ...answers,
    built: { site: await buildSite(answers, dryRun), container: await hashOfContainer() },
    doctor: 'doctor' in scripts,
  }
  const steps = isTeardown ? teardownSteps(options, answers.withData) : setupSteps(options)
  if (dryRun) return console.log(describeSteps(steps))
  if (isTeardown) await confirm(answers)
  const changes = await runSteps(steps, { secret: secrets(options), print: console.log })
  console.log(changes === 0 ? 'Nothing had to be changed.' : `Changed: ${changes}.`)
}

async function readJson<T>(file: string): Promise<T> {
  return JSON.parse(await readFile(file, 'utf8')) as T
}

/** Each is read, or made, once: a second look has to find the same. */
function secrets({ clientFile, publicUrl }: SetupOptions): (name: Secret) => Promise<string> {
  const known = new Map<Secret, Promise<string>>()
  return (name) => {
    const value =
      known.get(name) ??
      (name === 'client'
        ? readClientFile(clientFile, `${publicUrl}/callback`)
        : Promise.resolve(newKeyring()))
    known.set(name, value)
    return value
  }
}

async function confirm({ project, yes, withData }: CliOptions): Promise<void> {
  if (yes) return
  const what = withData ? 'Driveway and everything it stores' : 'Driveway, without what it stores'
  const answer = await createPrompt()?.(`This removes ${what}. The project's id, to go on`)
  if (answer !== project) throw new CliError('Nothing was removed (say --yes to go on unasked)')
}

/**
 * Writes what Hosting is told, with the region in it, and a file that says which build is published.
 *
 * @returns the SHA-256 of the page and of what Hosting is told
 */
async function buildSite({ region }: CliOptions, dryRun: boolean): Promise<string> {
  const { hosting } = await readJson<{ hosting: HostingConfig }>('firebase.json')
  const rewrites = (hosting.rewrites ?? []).map((rewrite) =>
    'run' in rewrite ? { ...rewrite, run: { ...rewrite.run, region } } : rewrite,
  )
  const config = `${JSON.stringify({ hosting: { ...hosting, public: 'web', rewrites } }, null, 2)}\n`
  const hash = createHash('sha256').update(config)
  const folder = 'dist/web'
  const files = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.name !== 'version.txt')
    .map((entry) => join(entry.parentPath, entry.name))
  for (const file of files.toSorted((one, other) => (one < other ? -1 : 1))) {
    hash.update(`\0${file}\0`).update(await readFile(file))
  }
  const version = hash.digest('hex')
  if (!dryRun) {
    await writeFile('dist/firebase.json', config)
    await writeFile(join(folder, 'version.txt'), `${version}\n`)
  }
  return version
}

async function hashOfContainer(): Promise<string> {
  const hash = createHash('sha256')
  for (const file of ['dist/container/container.mjs', 'infra/container/Dockerfile']) {
    hash.update(await readFile(file))
  }
  return hash.digest('hex')
}
