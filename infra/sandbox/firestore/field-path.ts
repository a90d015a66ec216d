/** Field paths such as ``a.`b.c` ``: reading them, and what they point at. */
import { invalid } from './status.ts'
import type { FieldMap, Value } from './value.ts'

export type FieldPath = readonly string[]

const segment = /(?:([a-zA-Z_][a-zA-Z_0-9]*)|`((?:[^`\\]|\\.)+)`)(\.|$)/sy

export function readFieldPath(text: unknown): FieldPath {
  const wrong = invalid(
    `Invalid property path ${JSON.stringify(text)}: what is not [a-zA-Z_][a-zA-Z_0-9]* is quoted with backticks`,
  )
  if (typeof text !== 'string' || text === '') throw wrong
  const path: string[] = []
  segment.lastIndex = 0
  for (let dot = '.'; dot === '.';) {
    const match = segment.exec(text)
    if (!match) throw wrong
    const name = match[1] ?? (match[2] ?? '').replaceAll(/\\(.)/gs, '$1')
    if (/^__.*__$/s.test(name) && text !== '__name__') {
      throw invalid(`Invalid reserved name in field path ${text}`)
    }
    path.push(name)
    dot = match[3] ?? ''
  }
  return path
}

/** A text that is the same for two paths only if they are the same. */
export function pathKey(path: FieldPath): string {
  return JSON.stringify(path)
}

export function getField(fields: FieldMap, path: FieldPath): Value | undefined {
  const [first = '', ...rest] = path
  const value = fields.get(first)
  if (rest.length === 0 || !value) return value
  return value.type === 'map' ? getField(value.fields, rest) : undefined
}

/** A copy with the value at the path; whatever is in the way gives way to a map. */
export function withField(fields: FieldMap, path: FieldPath, value: Value): FieldMap {
  const [first = '', ...rest] = path
  const copy = new Map(fields)
  if (rest.length === 0) return copy.set(first, value)
  const inner = fields.get(first)
  const below: FieldMap = inner?.type === 'map' ? inner.fields : new Map()
  return copy.set(first, { type: 'map', fields: withField(below, rest, value) })
}

/** A copy without the field at the path; where there is none, the same fields. */
export function withoutField(fields: FieldMap, path: FieldPath): FieldMap {
  const [first = '', ...rest] = path
  const inner = fields.get(first)
  if (!inner) return fields
  const copy = new Map(fields)
  if (rest.length === 0) copy.delete(first)
  else if (inner.type === 'map') {
    copy.set(first, { type: 'map', fields: withoutField(inner.fields, rest) })
  }
  return copy
}

/** Only what the paths point at. */
export function pickFields(fields: FieldMap, mask: readonly FieldPath[]): FieldMap {
  let picked: FieldMap = new Map()
  for (const path of mask) {
    const value = getField(fields, path)
    if (value) picked = withField(picked, path, value)
  }
  return picked
}
