/** Field paths such as ``a.`b.c` ``: parsing, reading and copying with a change. */
import { invalid } from './status.ts'
import type { FieldMap, Value } from './value.ts'

export type FieldPath = readonly string[]

const segment = /(?:([a-zA-Z_][a-zA-Z_0-9]*)|`((?:[^`\\]|\\.)+)`)(\.|$)/sy

export function readFieldPath(text: unknown): FieldPath {
  const error = invalid(
    `Invalid property path ${JSON.stringify(text)}: names other than [a-zA-Z_][a-zA-Z_0-9]* need backticks`,
  )
  if (typeof text !== 'string' || text === '') throw error
  const path: string[] = []
  segment.lastIndex = 0
  for (let dot = '.'; dot === '.';) {
    const match = segment.exec(text)
    if (!match) throw error
    const name = match[1] ?? (match[2] ?? '').replaceAll(/\\(.)/gs, '$1')
    if (/^__.*__$/s.test(name) && text !== '__name__') {
      throw invalid(`Invalid reserved name in field path ${text}`)
    }
    path.push(name)
    dot = match[3] ?? ''
  }
  return path
}

export function getField(fields: FieldMap, path: FieldPath): Value | undefined {
  const [first = '', ...rest] = path
  const value = fields.get(first)
  if (rest.length === 0 || !value) return value
  return value.type === 'map' ? getField(value.fields, rest) : undefined
}

/** A copy with the value at the path; a value on the way that is not a map becomes one. */
export function withField(fields: FieldMap, path: FieldPath, value: Value): FieldMap {
  const [first = '', ...rest] = path
  const copy = new Map(fields)
  if (rest.length === 0) return copy.set(first, value)
  const child = fields.get(first)
  const inner: FieldMap = child?.type === 'map' ? child.fields : new Map()
  return copy.set(first, { type: 'map', fields: withField(inner, rest, value) })
}

/** A copy without the field at the path; the same fields when the path does not exist. */
export function withoutField(fields: FieldMap, path: FieldPath): FieldMap {
  const [first = '', ...rest] = path
  const child = fields.get(first)
  if (!child) return fields
  const copy = new Map(fields)
  if (rest.length === 0) copy.delete(first)
  else if (child.type === 'map') {
    copy.set(first, { type: 'map', fields: withoutField(child.fields, rest) })
  }
  return copy
}
