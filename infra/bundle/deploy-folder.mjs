/**
 * Writes `dist/deploy`, the source that is uploaded for the functions: the bundle, and a package.json
 * and a lockfile that list the framework in the versions of the project's own lockfile.
 */
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Not bundled: the framework's registry of functions must exist only once. */
export const external = ['@google-cloud/functions-framework']

/** Never uploaded, even if such a file is copied into the folder. */
const ignored = ['.gcloudignore', '.git', 'node_modules', 'client_id*.json', '.driveway']

/** @param root the project folder; its `dist/functions` must be built */
export async function writeDeployFolder(root) {
  const folder = join(root, 'dist/deploy')
  const readJson = async (name) => JSON.parse(await readFile(join(root, name), 'utf8'))
  const [{ name, version, license }, lockfile] = [
    await readJson('package.json'),
    await readJson('package-lock.json'),
  ]
  const packages = reachable(lockfile.packages, external)
  const dependencies = Object.fromEntries(
    external.map((dependency) => [dependency, packages[`node_modules/${dependency}`].version]),
  )
  const metadata = { name: `${name}-functions`, version, license }
  await cp(join(root, 'dist/functions'), folder, { recursive: true })
  await writeJson(join(folder, 'package.json'), {
    ...metadata,
    private: true,
    type: 'module',
    main: 'index.cjs',
    // The buildpack runs this once, after it has installed the framework.
    scripts: { 'gcp-build': 'node warm-code-cache.mjs' },
    dependencies,
  })
  await writeJson(join(folder, 'package-lock.json'), {
    name: metadata.name,
    version,
    lockfileVersion: lockfile.lockfileVersion,
    requires: true,
    packages: { '': { ...metadata, dependencies }, ...packages },
  })
  await writeFile(join(folder, '.gcloudignore'), `${ignored.join('\n')}\n`)
}

const writeJson = (file, value) => writeFile(file, `${JSON.stringify(value, null, 2)}\n`)

/**
 * Selects the entries of a lockfile that some packages depend on, transitively, with their paths.
 *
 * @param packages `packages` of a package-lock.json, by path
 * @param names the packages to start from
 */
export function reachable(packages, names) {
  const selected = new Map()
  const visit = (from, name) => {
    const path = resolve(packages, from, name)
    if (path === undefined || selected.has(path)) return
    const entry = packages[path]
    selected.set(path, entry)
    for (const dependency of Object.keys({
      ...entry.dependencies,
      ...entry.optionalDependencies,
    })) {
      visit(path, dependency)
    }
  }
  for (const name of names) visit('', name)
  return Object.fromEntries([...selected].toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** Resolves a package like Node: in the dependent's own node_modules, then in each parent's. */
function resolve(packages, from, name) {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const path = at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`
    if (packages[path]) return path
    if (at === '') return undefined
  }
}
