/**
 * `dist/deploy`: exactly what is uploaded for the functions. The bundle, and a package.json and
 * lockfile that name what the bundle leaves out, the framework, in the versions of our own lockfile.
 */
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The bundle leaves out the framework alone: its registry of functions must be there once. */
export const external = ['@google-cloud/functions-framework']

/** What would never be wanted up there, should somebody put it beside. */
const ignored = ['.gcloudignore', '.git', 'node_modules', 'client_id*.json', '.driveway']

/** @param root the project's folder, whose `dist/functions` is built */
export async function makeDeployFolder(root) {
  const folder = join(root, 'dist/deploy')
  const read = async (name) => JSON.parse(await readFile(join(root, name), 'utf8'))
  const [{ name, version, license }, lock] = [
    await read('package.json'),
    await read('package-lock.json'),
  ]
  const packages = reachable(lock.packages, external)
  const dependencies = Object.fromEntries(
    external.map((one) => [one, packages[`node_modules/${one}`].version]),
  )
  const about = { name: `${name}-functions`, version, license }
  await cp(join(root, 'dist/functions'), folder, { recursive: true })
  await write(join(folder, 'package.json'), {
    ...about,
    private: true,
    type: 'module',
    main: 'index.cjs',
    // What the buildpack runs once, after it has put the framework there.
    scripts: { 'gcp-build': 'node warm-code-cache.mjs' },
    dependencies,
  })
  await write(join(folder, 'package-lock.json'), {
    name: about.name,
    version,
    lockfileVersion: lock.lockfileVersion,
    requires: true,
    packages: { '': { ...about, dependencies }, ...packages },
  })
  await writeFile(join(folder, '.gcloudignore'), `${ignored.join('\n')}\n`)
}

const write = (file, value) => writeFile(file, `${JSON.stringify(value, null, 2)}\n`)

/**
 * The part of a lockfile that some packages need, each where npm has put it.
 *
 * @param packages a lockfile's, by path
 */
export function reachable(packages, names) {
  const found = new Map()
  const visit = (from, name) => {
    const path = resolve(packages, from, name)
    if (path === undefined || found.has(path)) return
    const is = packages[path]
    found.set(path, is)
    for (const needed of Object.keys({ ...is.dependencies, ...is.optionalDependencies })) {
      visit(path, needed)
    }
  }
  for (const name of names) visit('', name)
  return Object.fromEntries([...found].toSorted(([one], [other]) => (one < other ? -1 : 1)))
}

/** As Node looks for it: in the folder of whoever needs it, then in those around. */
function resolve(packages, from, name) {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const path = at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`
    if (packages[path]) return path
    if (at === '') return undefined
  }
}
