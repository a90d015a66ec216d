/**
 * Generates `hosting.json`, the part of firebase-tools' schema of firebase.json that describes one site of
 * Hosting. firebase-tools itself is 338 MB, so it is not a dependency. Run it again for a new version:
 *
 *   npm pack firebase-tools@15 --pack-destination=/tmp && tar -xzf /tmp/firebase-tools-15.*.tgz -C /tmp
 *   node infra/google/schema/generate-hosting.mjs /tmp/package
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const [firebaseTools = '/tmp/package'] = process.argv.slice(2)
const readJson = async (file) => JSON.parse(await readFile(join(firebaseTools, file), 'utf8'))
const { version } = await readJson('package.json')
const { definitions } = await readJson('schema/firebase-config.json')

const used = new Map()
collect(definitions.HostingSingle)

const schema = {
  title: `One site of Firebase Hosting, as in firebase-tools ${version}`,
  type: 'object',
  properties: { hosting: definitions.HostingSingle },
  required: ['hosting'],
  additionalProperties: false,
  definitions: Object.fromEntries(used),
}
const file = fileURLToPath(new URL('hosting.json', import.meta.url))
await writeFile(file, `${JSON.stringify(schema, null, 2)}\n`)

/** Collects the definitions that a schema refers to. */
function collect(value) {
  if (typeof value !== 'object' || value === null) return
  const [, name] = /^#\/definitions\/(.+)$/.exec(value.$ref ?? '') ?? []
  if (name !== undefined && !used.has(name)) {
    used.set(name, definitions[name])
    collect(definitions[name])
  }
  for (const inner of Object.values(value)) collect(inner)
}
