/**
 * Remembers with which inputs some suites have passed, so that they run again only when an input has
 * changed. In CI (the environment variable CI is set) they always run.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'

/** The suites that start Terraform, gcloud or the programs of setup. */
export const programSuites =
  'test/infra/google/(commands|evaluate|schema|setup|setup-answers|setup-project|teardown)\\.test\\.ts$'

/** Their inputs, besides the pages that name one of the programs. */
const inputs = [
  'infra/google',
  'infra/doctor',
  'infra/local',
  'infra/container',
  'infra/terminal',
  'functions/auth/doctor',
  'functions/config',
  'test/infra/google',
  'test/kit/process.ts',
  'firebase.json',
  'package.json',
]
const programs = ['terraform', 'gcloud']
const pages = /infra\/google|gcloud|terraform/i
/** Files of an operator's own deployment. */
const ignored = /\.terraform\/|\.tfstate|\.auto\.tfvars\.json$/

/**
 * @param root the project folder
 * @param tier the suites of each tier pass on their own
 */
export function createInputStamp(root, tier, env = process.env) {
  const file = join(root, 'node_modules/.cache/driveway', `programs-${tier}`)
  // Of the files as they are before the run: a change during it counts for the next one.
  const inputDigest = digest(root, env)
  return {
    /** Whether the suites have passed with the same inputs, and need not run. */
    isCurrent: () => !env.CI && existsSync(file) && readFileSync(file, 'utf8') === inputDigest,
    /** Remembers the inputs, after the suites have passed. */
    record() {
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, inputDigest)
    },
  }
}

function digest(root, env) {
  const hash = createHash('sha256')
  const read = (path) => readFileSync(join(root, path))
  const citing = filesBelow(root, 'docs').filter(
    (path) => path.endsWith('.md') && pages.test(read(path).toString()),
  )
  const files = inputs.flatMap((path) => filesBelow(root, path))
  for (const path of [...files, ...citing].filter((name) => !ignored.test(name))) {
    const content = read(path)
    hash.update(`${path}\n${content.length}\n`).update(content)
  }
  // Without a program its tests are skipped.
  for (const program of programs) hash.update(`${program} ${isInstalled(program, env)}\n`)
  return hash.digest('hex')
}

function filesBelow(root, path) {
  if (!existsSync(join(root, path))) return []
  if (!statSync(join(root, path)).isDirectory()) return [path]
  return readdirSync(join(root, path))
    .toSorted()
    .flatMap((name) => filesBelow(root, `${path}/${name}`))
}

function isInstalled(program, { PATH = '' }) {
  return PATH.split(delimiter).some((folder) => existsSync(join(folder, program)))
}
