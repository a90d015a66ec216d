/**
 * `npm run setup` and `npm run teardown`: deploy Driveway to a Google Cloud project, and remove it.
 * The npm scripts run the build (`infra/local/build.mjs`) first.
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
  const previous = await readJson<PreviousVariables>(variablesFile).catch(() => ({}))
  const cliOptions = await readOptions(args, previous, createPrompt())
  const { dryRun } = cliOptions
  const { scripts } = await readJson<{ scripts: Record<string, string> }>('package.json')
  const options: SetupOptions = {
    ...cliOptions,
    built: { site: await buildSite(cliOptions, dryRun), container: await hashOfContainer() },
    doctor: 'doctor' in scripts,
  }
  const steps = isTeardown ? teardownSteps(options, cliOptions.withData) : setupSteps(options)
  if (dryRun) return console.log(describeSteps(steps))
  if (isTeardown) await confirm(cliOptions)
  const changes = await runSteps(steps, { secret: secrets(options), print: console.log })
  console.log(changes === 0 ? 'No changes.' : `Changes: ${changes}.`)
}

async function readJson<T>(file: string): Promise<T> {
  return JSON.parse(await readFile(file, 'utf8')) as T
}

/** Reads or generates each secret once, so that all steps use the same value. */
function secrets({ clientFile, publicUrl }: SetupOptions): (name: Secret) => Promise<string> {
  const cache = new Map<Secret, Promise<string>>()
  return (name) => {
    const value =
      cache.get(name) ??
      (name === 'client'
        ? readClientFile(clientFile, `${publicUrl}/callback`)
        : Promise.resolve(newKeyring()))
    cache.set(name, value)
    return value
  }
}

async function confirm({ project, yes, withData }: CliOptions): Promise<void> {
  if (yes) return
  const scope = withData ? 'Driveway and all stored data' : 'Driveway, but not the stored data'
  const input = await createPrompt()?.(`This removes ${scope}. Enter the project id to continue`)
  if (input !== project) {
    throw new CliError(
      'Nothing was removed: the project id was not confirmed. Use --yes to skip this',
    )
  }
}

/**
 * Writes the Hosting configuration for the region, and `version.txt`, which identifies the build.
 *
 * @returns the SHA-256 of the page and of the Hosting configuration
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
  for (const file of files.toSorted((a, b) => (a < b ? -1 : 1))) {
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
