/** Firestore's order of values, across types and within each. */
import { numericId } from './name.ts'
import type { FieldMap, Value } from './value.ts'

const ranks = {
  null: 0,
  boolean: 1,
  integer: 2,
  double: 2,
  timestamp: 3,
  string: 4,
  bytes: 5,
  reference: 6,
  geoPoint: 7,
  array: 8,
  map: 9,
} satisfies Record<Value['type'], number>

/** Below 0 when `a` comes first. Integers and doubles are one type and compared exactly. */
export function compareValues(a: Value, b: Value): number {
  if (!sameType(a, b)) return ranks[a.type] - ranks[b.type]
  if (a.type === 'boolean' && b.type === 'boolean') return Number(a.value) - Number(b.value)
  if (isNumber(a) && isNumber(b)) return compareNumbers(a.value, b.value)
  if (a.type === 'timestamp' && b.type === 'timestamp') return Number(a.value - b.value)
  if (a.type === 'string' && b.type === 'string') return compareText(a.value, b.value)
  if (a.type === 'bytes' && b.type === 'bytes') return Buffer.compare(a.value, b.value)
  if (a.type === 'reference' && b.type === 'reference') return compareNames(a.value, b.value)
  if (a.type === 'geoPoint' && b.type === 'geoPoint') {
    return a.latitude - b.latitude || a.longitude - b.longitude
  }
  if (a.type === 'array' && b.type === 'array') return compareLists(a.values, b.values)
  if (a.type === 'map' && b.type === 'map') return compareMaps(a.fields, b.fields)
  return 0
}

export function sameType(a: Value, b: Value): boolean {
  return ranks[a.type] === ranks[b.type]
}

export function isNumber(value: Value): value is Value & { type: 'integer' | 'double' } {
  return value.type === 'integer' || value.type === 'double'
}

export function isNaNValue(value: Value): boolean {
  return value.type === 'double' && Number.isNaN(value.value)
}

/** NaN comes before every number. JavaScript compares a bigint with a double exactly. */
function compareNumbers(a: bigint | number, b: bigint | number): number {
  if (a < b) return -1
  if (a > b) return 1
  return Number(Number.isNaN(b)) - Number(Number.isNaN(a))
}

/** By code points, which is the order of the bytes in UTF-8 and not that of UTF-16. */
export function compareText(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b))
}

/** Names are compared id by id, not as text: `a/b` comes before `a!/b`. */
export function compareNames(a: string, b: string): number {
  const left = a.split('/')
  const right = b.split('/')
  for (let at = 0; at < left.length && at < right.length; at++) {
    const order = compareIds(left[at] ?? '', right[at] ?? '')
    if (order !== 0) return order
  }
  return left.length - right.length
}

function compareIds(a: string, b: string): number {
  const left = numericId.exec(a)?.[1]
  const right = numericId.exec(b)?.[1]
  if (left !== undefined && right !== undefined) return Number(BigInt(left) - BigInt(right))
  if (left !== undefined) return -1
  if (right !== undefined) return 1
  return compareText(a, b)
}

function compareLists(a: readonly Value[], b: readonly Value[]): number {
  for (const [at, left] of a.entries()) {
    const right = b[at]
    if (!right) return 1
    const order = compareValues(left, right)
    if (order !== 0) return order
  }
  return a.length - b.length
}

/** Key by key in the order of the keys: first the key decides, then its value. */
function compareMaps(a: FieldMap, b: FieldMap): number {
  const left = [...a].toSorted(([one], [other]) => compareText(one, other))
  const right = [...b].toSorted(([one], [other]) => compareText(one, other))
  for (const [at, [key, value]] of left.entries()) {
    const other = right[at]
    if (!other) return 1
    const order = compareText(key, other[0]) || compareValues(value, other[1])
    if (order !== 0) return order
  }
  return left.length - right.length
}
