/**
 * Drive's methods, parameters, scopes and resources, from an extract of its discovery document.
 * `generate.mjs` beside this file makes the extract.
 */
import type { Shape } from '../fields.ts'
import extract from './drive-v3.json' with { type: 'json' }

/** A type name, a list (`User[]`), a map (`map<string>`), or the fields of an object. */
export type FieldType = string | FieldType[] | { [field: string]: FieldType }

export interface Parameter {
  type: 'string' | 'boolean' | 'integer'
  required?: boolean
  minimum?: number
  maximum?: number
  values?: string[]
}

export interface MethodSchema {
  /** Method and path template: `GET files/{fileId}`. */
  request: string
  /** Query parameters. */
  parameters: Record<string, Parameter>
  /** The resource of the request body. */
  body?: string
  response?: string
  /** Whether it also has an upload URL. */
  upload?: boolean
  /** Without the URL prefix: `drive.file`. */
  scopes: string[]
}

interface Extract {
  revision: string
  /** Query parameters of every method. */
  parameters: Record<string, Parameter>
  methods: Record<string, MethodSchema>
  schemas: Record<string, { fields: Record<string, FieldType>; outputOnly: string[] }>
}

export const schema = extract as unknown as Extract

export type MethodId = keyof typeof extract.methods

/** The fields of a resource, such as `File`, for field masks. */
export function shapeOf(resource: string): Shape {
  return toShape(fieldsOf(resource) ?? {})
}

/** The fields of a resource; `undefined` for any other type. */
export function fieldsOf(type: string): Record<string, FieldType> | undefined {
  return Object.hasOwn(schema.schemas, type) ? schema.schemas[type]?.fields : undefined
}

/** The type of the entries of a list or of a map. */
export function entryType(type: string): string | undefined {
  return /^map<(.*)>$/.exec(type)?.[1] ?? (type.endsWith('[]') ? type.slice(0, -2) : undefined)
}

function toShape(type: FieldType): Shape {
  if (Array.isArray(type)) return toShape(type[0] ?? 'string')
  if (typeof type === 'object') {
    return Object.fromEntries(Object.entries(type).map(([name, inner]) => [name, toShape(inner)]))
  }
  const entry = entryType(type)
  if (entry === undefined) return fieldsOf(type) ? shapeOf(type) : 'value'
  return type.startsWith('map<') ? { '*': toShape(entry) } : toShape(entry)
}
