/**
 * Generates `provider.json` from the typings of the Terraform provider: for each resource type in use,
 * its attributes with their nesting, types, enum values and whether they are required. Run it again
 * for a new resource type or a new version of the provider:
 *
 *   npm install --prefix /tmp/schema --ignore-scripts --legacy-peer-deps \
 *     @cdktf/provider-google@16.12.1 @cdktf/provider-archive@11
 *   node infra/google/schema/generate.mjs /tmp/schema/node_modules
 *
 * The typings are 300 MB, so they are not a dependency of the project.
 */
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const [modules = 'node_modules'] = process.argv.slice(2)
const folder = fileURLToPath(new URL('..', import.meta.url))

const byName = (a, b) => (a < b ? -1 : 1)

const used = new Set()
for (const file of (await readdir(folder)).filter((name) => name.endsWith('.tf'))) {
  const text = await readFile(join(folder, file), 'utf8')
  for (const [, kind, type] of text.matchAll(/^(resource|data) "(\w+)"/gm)) {
    used.add(kind === 'data' ? `data.${type}` : type)
  }
}

const types = {}
for (const type of [...used].toSorted(byName)) types[type] = await readType(type)
const { version } = JSON.parse(
  await readFile(join(modules, '@cdktf/provider-google/package.json'), 'utf8'),
).cdktf.provider
await writeFile(
  join(folder, 'schema/provider.json'),
  `${JSON.stringify({ google: version, types })}\n`,
)

/** Reads a type: `data.google_project` from data-google-project, `google_project_service` from project-service. */
async function readType(type) {
  const isData = type.startsWith('data.')
  const name = type.replace('data.', '')
  const provider = name.split('_', 1)[0]
  const rest = name.slice(provider.length + 1).replaceAll('_', '-')
  const typeFolder = isData ? `data-${provider}-${rest}` : rest
  const text = await readFile(
    join(modules, `@cdktf/provider-${provider}/lib/${typeFolder}/index.d.ts`),
    'utf8',
  )
  const interfaces = new Map(
    [...text.matchAll(/^export interface (\w+)(?: extends \S+)? \{\n(.*?)^\}/gms)].map(
      ([, key, body]) => [key, body],
    ),
  )
  const [root] = [
    ...text.matchAll(/^export interface (\w+) extends cdktf\.TerraformMetaArguments/gm),
  ]
  const block = readBlock(interfaces, root[1])
  const [, , body = ''] =
    /export declare class (\w+) extends cdktf\.Terraform(?:Resource|DataSource) \{\n(.*?)^\}/ms.exec(
      text,
    )
  const outputs = [...body.matchAll(/^ {4}get (\w+)\(\)/gm)]
    .map(([, getter]) => getter.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`))
    .filter((getter) => !(getter in block) && !getter.endsWith('_input'))
  return { block, outputs: [...new Set(outputs)].toSorted(byName) }
}

function readBlock(interfaces, name) {
  const block = {}
  for (const [, comment, property, optional, type] of interfaces
    .get(name)
    .matchAll(/\/\*\*(.*?)\*\/\n {4}readonly (\w+)(\?)?: (.*?);\n(?= {4}\/\*\*|$)/gs)) {
    const [, attribute] = /#(\w+) \w+#/.exec(comment) ?? []
    if (!attribute) throw new Error(`No name for ${name}.${property}`)
    if (attribute === 'timeouts' || (attribute === 'id' && optional)) continue
    const [, values] = /Possible values: \[(.*?)\]/s.exec(comment) ?? []
    block[attribute] = {
      ...readShape(interfaces, type.replace(' | cdktf.IResolvable', '')),
      ...(optional ? {} : { required: true }),
      ...(values ? { values: JSON.parse(`[${values}]`) } : {}),
    }
  }
  return block
}

function readShape(interfaces, type) {
  const [, element, many] = /^(\w+)(\[\])?$/.exec(type) ?? []
  if (['string', 'number', 'boolean'].includes(element)) {
    return { type: many ? `${element}[]` : element }
  }
  if (interfaces.has(element)) {
    return { block: readBlock(interfaces, element), ...(many ? { many: true } : {}) }
  }
  if (/^\{\s*\[key: string\]: /.test(type)) return { type: 'map' }
  throw new Error(`Cannot read the type ${type}`)
}
