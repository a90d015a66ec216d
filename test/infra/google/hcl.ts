/**
 * Checks the Terraform files offline: parses them, and compares the resources with the provider's schema
 * (`infra/google/schema`) and the references with the declarations.
 */
import { parse } from '@cdktf/hcl2json'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { root } from '../../kit/process.ts'

export const folder = join(root, 'infra/google')

/** The attributes of a block, and its nested blocks as arrays. */
export type Body = Record<string, unknown>

interface Attribute {
  type?: 'string' | 'number' | 'boolean' | 'map' | 'string[]' | 'number[]' | 'boolean[]'
  block?: Record<string, Attribute>
  many?: true
  required?: true
  values?: string[]
}

interface Schema {
  types: Record<string, { block: Record<string, Attribute>; outputs: string[] }>
}

export interface Terraform {
  /** By address, `google_x.name` or `data.google_x.name`. */
  resources: Map<string, Body>
  variables: Map<string, Body>
  locals: Map<string, unknown>
  outputs: Map<string, Body>
}

export async function readSources(): Promise<Record<string, string>> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.tf'))
  const read = async (name: string) => [name, await readFile(join(folder, name), 'utf8')] as const
  return Object.fromEntries(await Promise.all(names.map(read)))
}

export async function readSchema(): Promise<Schema> {
  return JSON.parse(await readFile(join(folder, 'schema/provider.json'), 'utf8')) as Schema
}

type Labelled = Record<string, Body[]>
type Parsed = {
  [kind in 'resource' | 'data']?: Record<string, Labelled>
} & {
  [kind in 'variable' | 'output']?: Labelled
} & { locals?: Body[] }

/** @throws when a file is not valid HCL */
export async function readTerraform(sources: Record<string, string>): Promise<Terraform> {
  const all: Terraform = {
    resources: new Map(),
    variables: new Map(),
    locals: new Map(),
    outputs: new Map(),
  }
  for (const [name, source] of Object.entries(sources)) {
    const parsed = (await parse(name, source)) as Parsed
    for (const [kind, prefix] of [
      ['resource', ''],
      ['data', 'data.'],
    ] as const) {
      for (const [type, named] of Object.entries(parsed[kind] ?? {})) {
        for (const [label, [body = {}]] of Object.entries(named)) {
          all.resources.set(`${prefix}${type}.${label}`, body)
        }
      }
    }
    for (const [label, [body = {}]] of Object.entries(parsed.variable ?? {}))
      all.variables.set(label, body)
    for (const [label, [body = {}]] of Object.entries(parsed.output ?? {}))
      all.outputs.set(label, body)
    for (const locals of parsed.locals ?? [])
      for (const [label, value] of Object.entries(locals)) all.locals.set(label, value)
  }
  return all
}

/** Returns the errors, one message each. */
export function check(terraform: Terraform, schema: Schema): string[] {
  const errors: string[] = []
  for (const [address, body] of terraform.resources) {
    const type = address.slice(0, address.lastIndexOf('.'))
    const schemaType = schema.types[type]
    if (schemaType) checkBlock(body, schemaType.block, address, errors)
    else errors.push(`${address}: no type ${type} in the schema`)
  }
  for (const [where, value] of allValues(terraform)) {
    for (const text of stringsOf(value)) checkReferences(text, where, terraform, schema, errors)
  }
  return errors
}

const named = (prefix: string, map: Map<string, unknown>): [string, unknown][] =>
  [...map].map(([name, value]) => [`${prefix}${name}`, value])

export function allValues(terraform: Terraform): [string, unknown][] {
  return [
    ...named('', terraform.resources),
    ...named('var.', terraform.variables),
    ...named('local.', terraform.locals),
    ...named('output.', terraform.outputs),
  ]
}

export function stringsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (Array.isArray(value)) return value.flatMap(stringsOf)
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsOf) : []
}

/** Meta-arguments, valid in every resource. */
const meta = new Set(['for_each', 'count', 'depends_on', 'lifecycle', 'provider', 'dynamic'])

function checkBlock(
  body: Body,
  block: Record<string, Attribute>,
  path: string,
  errors: string[],
): void {
  const dynamic = (body['dynamic'] ?? {}) as Record<string, { content: Body[] }[]>
  const dynamicBlocks = Object.entries(dynamic).map(
    ([name, all]) => [name, all.flatMap(({ content }) => content)] as const,
  )
  const entries = new Map([
    ...Object.entries(body).filter(([name]) => !meta.has(name)),
    ...dynamicBlocks,
  ])
  for (const [name, value] of entries) {
    const attribute = block[name]
    if (!attribute) errors.push(`${path}: no attribute ${name}`)
    else if (attribute.block) checkInside(value, attribute, `${path}.${name}`, errors)
    else checkValue(value, attribute, `${path}.${name}`, errors)
  }
  for (const [name, { required }] of Object.entries(block)) {
    if (required && !entries.has(name)) errors.push(`${path}: ${name} is missing`)
  }
}

function checkInside(
  value: unknown,
  { block = {}, many }: Attribute,
  path: string,
  errors: string[],
): void {
  if (!Array.isArray(value)) errors.push(`${path}: must be a block`)
  else if (!many && value.length > 1) errors.push(`${path}: occurs more than once`)
  else for (const inner of value as Body[]) checkBlock(inner, block, path, errors)
}

function checkValue(
  value: unknown,
  { type, values }: Attribute,
  path: string,
  errors: string[],
): void {
  if (!isOfType(value, type ?? ''))
    errors.push(`${path}: ${JSON.stringify(value)} is not a ${type}`)
  if (!values || typeof value !== 'string') return
  // Both branches of a conditional must be valid.
  const options = value.startsWith('${')
    ? [...value.matchAll(/[?:] "(\w+)"/g)].map(([, branch = '']) => branch)
    : [value]
  for (const option of options.filter((candidate) => !values.includes(candidate))) {
    errors.push(`${path}: ${option} is not one of ${values.join(', ')}`)
  }
}

function isOfType(value: unknown, type: string): boolean {
  if (typeof value === 'string' && /^\$\{.*\}$/s.test(value)) return true // an expression
  if (type === 'map') return typeof value === 'object' && !Array.isArray(value)
  if (!type.endsWith('[]')) return typeof value === type
  return Array.isArray(value) && value.every((element) => isOfType(element, type.slice(0, -2)))
}

const reference =
  /\b(?:(var|local)\.(\w+)|((?:data\.)?(?:google_\w+|archive_file)\.\w+)(?:\[[^\]]*\])?(?:\.(\w+))?)/g

function checkReferences(
  text: string,
  where: string,
  { resources, variables, locals }: Terraform,
  schema: Schema,
  errors: string[],
): void {
  if (!text.includes('${')) return
  for (const [all, kind, name = '', address, attribute] of text.matchAll(reference)) {
    const exists =
      kind === undefined
        ? resources.has(address ?? '')
        : (kind === 'var' ? variables : locals).has(name)
    if (!exists) errors.push(`${where}: ${all} is not declared`)
    else if (address !== undefined && attribute !== undefined) {
      const type = schema.types[address.slice(0, address.lastIndexOf('.'))]
      if (!type?.outputs.includes(attribute) && !type?.block[attribute]) {
        errors.push(`${where}: ${address} has no ${attribute}`)
      }
    }
  }
}
