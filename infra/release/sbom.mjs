/**
 * `node infra/release/sbom.mjs`: prints the software bill of materials of what is deployed, in CycloneDX
 * JSON. It runs `npm sbom` on a copy of the lockfile without the development dependencies: with
 * `--omit=dev`, npm 11 also leaves out packages that a development dependency shares, such as jose.
 */
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const readJson = async (name) =>
  JSON.parse(await readFile(new URL(`../../${name}`, import.meta.url), 'utf8'))

const withoutDev = ({ devDependencies, ...metadata }) => metadata // eslint-disable-line no-unused-vars
const { packages, ...lockfile } = await readJson('package-lock.json')
const deployed = Object.entries(packages)
  .filter(([, { dev }]) => !dev)
  .map(([path, entry]) => [path, withoutDev(entry)])

const temporary = await mkdtemp(join(tmpdir(), 'driveway-sbom-'))
const folder = join(temporary, 'driveway') // npm takes the component's name from it
try {
  await mkdir(folder)
  const files = {
    'package.json': withoutDev(await readJson('package.json')),
    'package-lock.json': { ...lockfile, packages: Object.fromEntries(deployed) },
  }
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(folder, name), JSON.stringify(content))
  }
  const args = ['sbom', '--package-lock-only', '--sbom-format=cyclonedx', '--sbom-type=application']
  execFileSync('npm', args, { cwd: folder, stdio: 'inherit', shell: process.platform === 'win32' })
} finally {
  await rm(temporary, { recursive: true })
}
