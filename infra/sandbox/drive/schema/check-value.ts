/** Checks the values of a request body and of its parameters against the schema. */
import type { FieldType, Parameter } from './index.ts'
import { entryType, fieldsOf } from './index.ts'

/** @returns the path of the first value that does not fit its type, such as `contentHints.thumbnail` */
export function findMismatch(value: unknown, type: FieldType, path: string): string | undefined {
  if (value === null) return undefined // clears the field
  if (Array.isArray(type)) return mismatchInList(value, type[0] ?? 'string', path)
  if (typeof type === 'object') return mismatchInObject(value, type, path)
  const entry = entryType(type)
  if (entry === undefined) {
    const fields = fieldsOf(type)
    if (fields) return mismatchInObject(value, fields, path)
    return isScalar(value, type) ? undefined : path
  }
  if (type.endsWith('[]')) return mismatchInList(value, entry, path)
  if (!isObject(value)) return path
  return firstMismatch(Object.entries(value), () => entry, path)
}

/** Whether the text of a query parameter fits its type. */
export function isParameterValue(text: string, parameter: Parameter): boolean {
  const { type, values, minimum = -Infinity } = parameter
  if (values && !values.includes(text)) return false
  if (type === 'boolean') return text === 'true' || text === 'false'
  // Drive lowers a value above the maximum.
  if (type === 'integer') return /^-?\d{1,10}$/.test(text) && Number(text) >= minimum
  return true
}

function mismatchInList(value: unknown, type: FieldType, path: string): string | undefined {
  if (!Array.isArray(value)) return path
  return firstMismatch(Object.entries(value as unknown[]), () => type, path)
}

function mismatchInObject(
  value: unknown,
  fields: Record<string, FieldType>,
  path: string,
): string | undefined {
  if (!isObject(value)) return path
  const typeOf = (name: string) => (Object.hasOwn(fields, name) ? fields[name] : undefined)
  return firstMismatch(Object.entries(value), typeOf, path)
}

function firstMismatch(
  entries: [string, unknown][],
  typeOf: (name: string) => FieldType | undefined,
  path: string,
): string | undefined {
  for (const [name, value] of entries) {
    const type = typeOf(name)
    const mismatch =
      type === undefined ? `${path}.${name}` : findMismatch(value, type, `${path}.${name}`)
    if (mismatch !== undefined) return mismatch
  }
  return undefined
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isScalar(value: unknown, type: string): boolean {
  if (type === 'boolean') return typeof value === 'boolean'
  if (type === 'int32' || type === 'float' || type === 'double') return typeof value === 'number'
  return typeof value === 'string'
}
