/** Field transforms: what the server computes from the value that a field has. */
import { getField, pathKey, readFieldPath, withField } from './field-path.ts'
import type { FieldPath } from './field-path.ts'
import { readChoice, readEnum, readFields, readList } from './json.ts'
import { compareValues, isNaNValue, isNumber } from './order.ts'
import { invalid } from './status.ts'
import type { Micros } from './timestamp.ts'
import type { FieldMap, Value } from './value.ts'
import { readArray, readValue } from './value.ts'

export interface Transform {
  path: FieldPath
  /** Given what the field holds; the request time is the same for all fields of a commit. */
  apply: (before: Value | undefined, requestTime: Micros) => Value
  /** Array transforms tell the client nothing. */
  silent: boolean
}

const kinds = [
  'setToServerValue',
  'increment',
  'maximum',
  'minimum',
  'appendMissingElements',
  'removeAllFromArray',
] as const

export function readTransform(raw: unknown): Transform {
  const set = readFields(raw, 'FieldTransform', ['fieldPath', ...kinds])
  const path = readFieldPath(set['fieldPath'])
  const kind = readChoice(set, 'FieldTransform', kinds)
  const where = pathKey(path)
  const given = kind && set[kind]
  switch (kind) {
    case undefined:
      throw invalid('A FieldTransform has no transform type')
    case 'setToServerValue': {
      const value = readEnum(given, 'the server value', ['', 'REQUEST_TIME'])
      if (!value) throw invalid('A server value is not specified')
      return { path, silent: false, apply: (_, time) => ({ type: 'timestamp', value: time }) }
    }
    case 'increment': {
      const operand = readNumber(given, where)
      return { path, silent: false, apply: (before) => sum(before, operand) }
    }
    case 'maximum':
    case 'minimum': {
      const operand = readNumber(given, where)
      const sign = kind === 'maximum' ? 1 : -1
      return { path, silent: false, apply: (before) => extreme(before, operand, sign) }
    }
    case 'appendMissingElements': {
      const elements = readArray(given, where)
      return { path, silent: true, apply: (before) => append(elementsOf(before), elements) }
    }
    default: {
      const elements = readArray(given, where)
      return {
        path,
        silent: true,
        apply: (before) => ({
          type: 'array',
          values: elementsOf(before).filter((one) => !contains(elements, one)),
        }),
      }
    }
  }
}

export function readTransforms(raw: unknown): Transform[] {
  return readList(raw, 'the field transforms').map(readTransform)
}

/** Applies transforms in turn, each seeing what the one before it made. */
export function applyTransforms(
  fields: FieldMap,
  transforms: readonly Transform[],
  requestTime: Micros,
): { fields: FieldMap; results: Value[] } {
  const results: Value[] = []
  let changed = fields
  for (const { path, apply, silent } of transforms) {
    const value = apply(getField(changed, path), requestTime)
    changed = withField(changed, path, value)
    results.push(silent ? { type: 'null' } : value)
  }
  return { fields: changed, results }
}

type NumberValue = Value & { type: 'integer' | 'double' }

function readNumber(raw: unknown, where: string): NumberValue {
  const value = readValue(raw, where)
  if (!isNumber(value)) throw invalid('The operand must be an integer or a double')
  return value
}

const int64Max = 2n ** 63n - 1n
const int64Min = -(2n ** 63n)

/** Integers stop at the ends of int64; with a double on either side the sum is one. */
function sum(before: Value | undefined, operand: NumberValue): Value {
  if (!before || !isNumber(before)) return operand
  if (before.type === 'integer' && operand.type === 'integer') {
    const exact = before.value + operand.value
    const value = exact > int64Max ? int64Max : exact < int64Min ? int64Min : exact
    return { type: 'integer', value }
  }
  return { type: 'double', value: Number(before.value) + Number(operand.value) }
}

/** Of equal numbers, such as 3 and 3.0, the one that is there stays. NaN wins always. */
function extreme(before: Value | undefined, operand: NumberValue, sign: 1 | -1): Value {
  if (!before || !isNumber(before) || isNaNValue(operand)) return operand
  if (isNaNValue(before)) return before
  return compareValues(operand, before) * sign > 0 ? operand : before
}

function elementsOf(value: Value | undefined): readonly Value[] {
  return value?.type === 'array' ? value.values : []
}

function contains(values: readonly Value[], wanted: Value): boolean {
  return values.some((value) => compareValues(value, wanted) === 0)
}

function append(before: readonly Value[], elements: readonly Value[]): Value {
  const values = [...before]
  for (const element of elements) if (!contains(values, element)) values.push(element)
  return { type: 'array', values }
}
