/** Aggregations: count, sum and average of what a query finds. */
import type { FieldPath } from './field-path.ts'
import { readFieldReference, valueAt } from './filter.ts'
import { readChoice, readFields, readInt64, readList, readText } from './json.ts'
import { isNumber } from './order.ts'
import type { Query } from './query.ts'
import { findDocuments, readQuery } from './query.ts'
import { invalid } from './status.ts'
import type { Document, Store } from './store.ts'
import type { Micros } from './timestamp.ts'
import type { Value } from './value.ts'

export interface Aggregation {
  query: Query
  aggregates: Aggregate[]
}

type Aggregate =
  | { kind: 'count'; alias: string; upTo: bigint | undefined }
  | { kind: 'sum' | 'avg'; alias: string; path: FieldPath }

const limit = 5

export function readAggregation(parent: string, raw: unknown): Aggregation {
  const set = readFields(raw, 'StructuredAggregationQuery', ['structuredQuery', 'aggregations'])
  const list = readList(set['aggregations'], 'aggregations')
  if (list.length === 0) throw invalid('Aggregations can not be empty')
  if (list.length > limit) throw invalid(`A query has at most ${limit} aggregations`)
  let unnamed = 0
  const aggregates = list.map((item) => readAggregate(item, () => `field_${++unnamed}`))
  if (new Set(aggregates.map(({ alias }) => alias)).size < aggregates.length) {
    throw invalid('Aggregation aliases contain a duplicate')
  }
  return { query: readQuery(parent, set['structuredQuery']), aggregates }
}

function readAggregate(raw: unknown, nextAlias: () => string): Aggregate {
  const set = readFields(raw, 'Aggregation', ['alias', 'count', 'sum', 'avg'])
  const kind = readChoice(set, 'Aggregation', ['count', 'sum', 'avg'])
  if (!kind) throw invalid('An Aggregation has no operator')
  const alias = readText(set['alias'], 'alias') || nextAlias()
  if (kind === 'count') {
    const { upTo } = readFields(set['count'], 'Count', ['upTo'])
    return { kind, alias, upTo: upTo === undefined ? undefined : readInt64(upTo, 'upTo') }
  }
  const { field } = readFields(set[kind], kind, ['field'])
  return { kind, alias, path: readFieldReference(field) }
}

/** Only documents that have every summed field are counted at all: it is one index that is read. */
export function aggregate(store: Store, { query, aggregates }: Aggregation, at?: Micros) {
  const paths = aggregates.flatMap((one) => ('path' in one ? [one.path] : []))
  const found = findDocuments(store, query, at).filter((document) =>
    paths.every((path) => valueAt(document, path)),
  )
  return new Map(aggregates.map((one) => [one.alias, compute(one, found)]))
}

function compute(one: Aggregate, found: readonly Document[]): Value {
  if (one.kind === 'count') {
    const count = BigInt(found.length)
    const { upTo } = one
    return { type: 'integer', value: upTo !== undefined && upTo < count ? upTo : count }
  }
  const numbers = found.flatMap((document) => {
    const value = valueAt(document, one.path)
    return value && isNumber(value) ? [value] : []
  })
  if (one.kind === 'sum') return sum(numbers)
  if (numbers.length === 0) return { type: 'null' }
  return { type: 'double', value: Number(sum(numbers).value) / numbers.length }
}

/** Exact for integers while it fits int64; a double otherwise. */
function sum(numbers: readonly (Value & { type: 'integer' | 'double' })[]) {
  const integers = numbers.flatMap((one) => (one.type === 'integer' ? [one.value] : []))
  const exact = integers.reduce((total, value) => total + value, 0n)
  if (integers.length === numbers.length && BigInt.asIntN(64, exact) === exact) {
    return { type: 'integer', value: exact } as const
  }
  const value = numbers.reduce(
    (total, one) => (one.type === 'double' ? total + one.value : total),
    Number(exact),
  )
  return { type: 'double', value } as const
}
