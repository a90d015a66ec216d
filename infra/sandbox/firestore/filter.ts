/** The `where` of a query: reading it, and whether a document passes. */
import type { FieldPath } from './field-path.ts'
import { getField, pathKey, readFieldPath } from './field-path.ts'
import { readChoice, readEnum, readFields, readList } from './json.ts'
import { compareValues, isNaNValue, sameType } from './order.ts'
import { invalid } from './status.ts'
import type { Document } from './store.ts'
import type { Value } from './value.ts'
import { readValue } from './value.ts'

const fieldOperators = [
  '',
  'LESS_THAN',
  'LESS_THAN_OR_EQUAL',
  'GREATER_THAN',
  'GREATER_THAN_OR_EQUAL',
  'EQUAL',
  'NOT_EQUAL',
  'ARRAY_CONTAINS',
  'IN',
  'ARRAY_CONTAINS_ANY',
  'NOT_IN',
] as const
const unaryOperators = ['', '', 'IS_NAN', 'IS_NULL', 'IS_NOT_NAN', 'IS_NOT_NULL'] as const
type FieldOperator = Exclude<(typeof fieldOperators)[number], ''>
type UnaryOperator = Exclude<(typeof unaryOperators)[number], ''>

export type Filter =
  | { op: 'AND' | 'OR'; filters: Filter[] }
  | { op: UnaryOperator; path: FieldPath }
  | { op: FieldOperator; path: FieldPath; value: Value }

const inequalities = new Set<string>([
  'LESS_THAN',
  'LESS_THAN_OR_EQUAL',
  'GREATER_THAN',
  'GREATER_THAN_OR_EQUAL',
  'NOT_EQUAL',
  'NOT_IN',
  'IS_NOT_NAN',
  'IS_NOT_NULL',
])
const negations = new Set<string>(['NOT_EQUAL', 'NOT_IN', 'IS_NOT_NAN', 'IS_NOT_NULL'])
const listLimits: Partial<Record<FieldOperator, number>> = {
  IN: 30,
  ARRAY_CONTAINS_ANY: 30,
  NOT_IN: 10,
}
const disjunctionLimit = 30

/** The name of a document, as if it were a field of it. */
export const nameField = '__name__'

export function isNamePath(path: FieldPath): boolean {
  return path.length === 1 && path[0] === nameField
}

export function readFieldReference(raw: unknown): FieldPath {
  return readFieldPath(readFields(raw, 'FieldReference', ['fieldPath'])['fieldPath'])
}

export function readFilter(raw: unknown): Filter {
  const set = readFields(raw, 'Filter', ['compositeFilter', 'fieldFilter', 'unaryFilter'])
  switch (readChoice(set, 'Filter', ['compositeFilter', 'fieldFilter', 'unaryFilter'])) {
    case undefined:
      throw invalid('A Filter has no type')
    case 'compositeFilter': {
      const inner = readFields(set['compositeFilter'], 'CompositeFilter', ['op', 'filters'])
      const op = readEnum(inner['op'], 'CompositeFilter.op', ['', 'AND', 'OR'])
      if (!op) throw invalid('A CompositeFilter has no operator')
      return { op, filters: readList(inner['filters'], 'filters').map(readFilter) }
    }
    case 'unaryFilter': {
      const inner = readFields(set['unaryFilter'], 'UnaryFilter', ['op', 'field'])
      const op = readEnum<UnaryOperator>(inner['op'], 'UnaryFilter.op', unaryOperators)
      if (!op) throw invalid('A UnaryFilter has no operator')
      const path = readFieldReference(inner['field'])
      if (isNamePath(path)) throw invalid(`${nameField} can only be compared with a reference`)
      return { op, path }
    }
    default:
      return readFieldFilter(set['fieldFilter'])
  }
}

function readFieldFilter(raw: unknown): Filter {
  const inner = readFields(raw, 'FieldFilter', ['op', 'field', 'value'])
  const op = readEnum<FieldOperator>(inner['op'], 'FieldFilter.op', fieldOperators)
  if (!op) throw invalid('A FieldFilter has no operator')
  const path = readFieldReference(inner['field'])
  const value =
    op === 'IN' || op === 'NOT_IN'
      ? readValues(inner['value'], pathKey(path))
      : readValue(inner['value'], pathKey(path))
  const limit = listLimits[op]
  if (limit !== undefined) {
    if (value.type !== 'array') throw invalid(`'${op}' requires an ArrayValue`)
    if (value.values.length === 0) throw invalid(`'${op}' requires a non-empty ArrayValue`)
    if (value.values.length > limit) {
      throw invalid(`'${op}' supports up to ${limit} comparison values`)
    }
  }
  if (isNamePath(path)) {
    const wanted = value.type === 'array' ? value.values : [value]
    if (op.startsWith('ARRAY') || wanted.some(({ type }) => type !== 'reference')) {
      throw invalid(`${nameField} can only be compared with a reference`)
    }
  }
  return { op, path, value }
}

/** A list to compare with may hold arrays, which a stored one may not. */
function readValues(raw: unknown, where: string): Value {
  const { arrayValue } = readFields(raw, `the value of ${where}`, ['arrayValue'])
  if (arrayValue === undefined) return readValue(raw, where)
  const { values } = readFields(arrayValue, where, ['values'])
  return { type: 'array', values: readList(values, where).map((one) => readValue(one, where)) }
}

/** Refuses what Firestore refuses although each part of it is right. */
export function checkFilter(filter: Filter): void {
  const leaves = leavesOf(filter)
  if (leaves.filter(({ op }) => negations.has(op)).length > 1) {
    throw invalid(
      "Only a single 'NOT_EQUAL', 'NOT_IN', 'IS_NOT_NAN', or 'IS_NOT_NULL' filter allowed per query",
    )
  }
  if (
    leaves.some(({ op }) => op === 'NOT_IN') &&
    (hasOr(filter) || leaves.some(({ op }) => op === 'IN' || op === 'ARRAY_CONTAINS_ANY'))
  ) {
    throw invalid("'NOT_IN' cannot be used with 'IN', 'ARRAY_CONTAINS_ANY' or 'OR'")
  }
  if (countDisjunctions(filter) > disjunctionLimit) {
    throw invalid(`A query has at most ${disjunctionLimit} disjunctions`)
  }
  if (countContains(filter) > 1) {
    throw invalid("A maximum of 1 'ARRAY_CONTAINS' filter is allowed per disjunction")
  }
}

type Leaf = Exclude<Filter, { filters: Filter[] }>

function leavesOf(filter: Filter): Leaf[] {
  return 'filters' in filter ? filter.filters.flatMap(leavesOf) : [filter]
}

function hasOr(filter: Filter): boolean {
  return 'filters' in filter && (filter.op === 'OR' || filter.filters.some(hasOr))
}

/** Refuses names of another database. */
export function checkNames(filter: Filter, root: string): void {
  for (const leaf of leavesOf(filter)) {
    if (!('value' in leaf) || !isNamePath(leaf.path)) continue
    const names = leaf.value.type === 'array' ? leaf.value.values : [leaf.value]
    for (const name of names) {
      if (name.type !== 'reference' || name.value.startsWith(`${root}/`)) continue
      throw invalid(`${name.value} is not in ${root}`)
    }
  }
}

/** How many alternatives the filter has, once written as an OR of ANDs. */
function countDisjunctions(filter: Filter): number {
  if (filter.op === 'IN' || filter.op === 'ARRAY_CONTAINS_ANY') {
    return 'value' in filter && filter.value.type === 'array' ? filter.value.values.length : 1
  }
  if (!('filters' in filter)) return 1
  const counts = filter.filters.map(countDisjunctions)
  return filter.op === 'OR'
    ? counts.reduce((sum, count) => sum + count, 0)
    : counts.reduce((product, count) => product * count, 1)
}

/** The most array-contains that one alternative holds. */
function countContains(filter: Filter): number {
  if (!('filters' in filter)) return filter.op.startsWith('ARRAY_CONTAINS') ? 1 : 0
  const counts = filter.filters.map(countContains)
  return filter.op === 'OR' ? Math.max(0, ...counts) : counts.reduce((sum, one) => sum + one, 0)
}

/** The fields that must be in the order of a query, because they are compared with more than `=`. */
export function inequalityPaths(filter: Filter): FieldPath[] {
  return leavesOf(filter).flatMap(({ op, path }) => (inequalities.has(op) ? [path] : []))
}

export function hasFieldFilter(filter: Filter): boolean {
  return leavesOf(filter).some(({ path }) => !isNamePath(path))
}

export function valueAt(document: Document, path: FieldPath): Value | undefined {
  if (isNamePath(path)) return { type: 'reference', value: document.name }
  return getField(document.fields, path)
}

/** A document without the field passes no filter on it, not even a negative one. */
export function passes(filter: Filter, document: Document): boolean {
  if (filter.op === 'AND') return filter.filters.every((one) => passes(one, document))
  if (filter.op === 'OR') return filter.filters.some((one) => passes(one, document))
  if ('filters' in filter) return false
  const value = valueAt(document, filter.path)
  if (!value) return false
  if ('value' in filter) return compares(filter.op, value, filter.value)
  switch (filter.op) {
    case 'IS_NULL':
      return value.type === 'null'
    case 'IS_NOT_NULL':
      return value.type !== 'null'
    case 'IS_NAN':
      return isNaNValue(value)
    default:
      return value.type !== 'null' && !isNaNValue(value)
  }
}

function compares(op: FieldOperator, value: Value, wanted: Value): boolean {
  const list = wanted.type === 'array' ? wanted.values : []
  const elements = value.type === 'array' ? value.values : []
  switch (op) {
    case 'EQUAL':
      return equals(value, wanted)
    case 'NOT_EQUAL':
      return value.type !== 'null' && wanted.type !== 'null' && !equals(value, wanted)
    case 'IN':
      return list.some((one) => equals(value, one))
    case 'NOT_IN':
      if (value.type === 'null' || list.some((one) => one.type === 'null')) return false
      return !list.some((one) => equals(value, one))
    case 'ARRAY_CONTAINS':
      return elements.some((element) => equals(element, wanted))
    case 'ARRAY_CONTAINS_ANY':
      return elements.some((element) => list.some((one) => equals(element, one)))
    default:
      return isOrdered(op, value, wanted)
  }
}

/** Null and NaN equal nothing, themselves included: those have operators of their own. */
function equals(value: Value, wanted: Value): boolean {
  if (wanted.type === 'null' || isNaNValue(wanted)) return false
  return compareValues(value, wanted) === 0
}

/** Ranges stay within the type of the operand. */
function isOrdered(op: FieldOperator, value: Value, wanted: Value): boolean {
  if (!sameType(value, wanted) || wanted.type === 'null') return false
  if (isNaNValue(value) || isNaNValue(wanted)) return false
  const order = compareValues(value, wanted)
  if (op === 'LESS_THAN') return order < 0
  if (op === 'LESS_THAN_OR_EQUAL') return order <= 0
  if (op === 'GREATER_THAN') return order > 0
  return order >= 0
}
