/**
 * Readers for the JSON form of protocol buffers. An unknown field is an error, because it may change
 * the meaning of the request.
 */
import { invalid, unimplemented } from './status.ts'

export type Fields = Record<string, unknown>

/**
 * Reads one message.
 *
 * @param supported field names that the caller handles
 * @param unsupported field names that Google handles and the embedded Firestore does not
 * @returns the fields that are set and not `null`
 */
export function readFields(
  raw: unknown,
  message: string,
  supported: readonly string[],
  unsupported: readonly string[] = [],
): Fields {
  if (raw === undefined || raw === null) return {}
  if (typeof raw !== 'object' || Array.isArray(raw)) throw invalid(`Cannot read ${message}`)
  const fields: Fields = {}
  for (const [name, value] of Object.entries(raw)) {
    const key = name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
    if (unsupported.includes(key)) throw unimplemented(`${key} in ${message}`)
    if (!supported.includes(key)) throw invalid(`Cannot read unknown field "${key}" in ${message}`)
    if (value !== null || key === 'nullValue') fields[key] = value
  }
  return fields
}

/** Reads which member of a oneof is set; `undefined` when none is. */
export function readChoice<K extends string>(
  fields: Fields,
  message: string,
  choices: readonly K[],
): K | undefined {
  const set = choices.filter((choice) => fields[choice] !== undefined)
  if (set.length > 1) throw invalid(`Cannot read ${message} with both ${set.join(' and ')}`)
  return set[0]
}

export function readList(raw: unknown, name: string): unknown[] {
  if (raw === undefined) return []
  if (!Array.isArray(raw)) throw invalid(`Cannot read ${name}: not a list`)
  return raw
}

export function readText(raw: unknown, name: string): string {
  if (raw === undefined) return ''
  if (typeof raw !== 'string') throw invalid(`Cannot read ${name}: not a string`)
  return raw
}

export function readBoolean(raw: unknown, name: string): boolean {
  if (raw === undefined || raw === false || raw === 'false') return false
  if (raw === true || raw === 'true') return true
  throw invalid(`Cannot read ${name}: not a boolean`)
}

const int64Max = 2n ** 63n - 1n
const int64Min = -(2n ** 63n)

/** Reads an int64, which JSON carries as a string so that no digit is lost. */
export function readInt64(raw: unknown, name: string): bigint {
  let number: bigint | undefined
  if (typeof raw === 'string' && /^-?\d+$/.test(raw)) number = BigInt(raw)
  else if (typeof raw === 'number' && Number.isInteger(raw)) number = BigInt(raw)
  if (number === undefined || number > int64Max || number < int64Min) {
    throw invalid(`Cannot read ${name}: not a 64-bit integer`)
  }
  return number
}

export function readDouble(raw: unknown, name: string): number {
  if (typeof raw === 'number') return raw
  if (raw === 'NaN' || raw === 'Infinity' || raw === '-Infinity') return Number(raw)
  if (typeof raw === 'string' && raw.trim() !== '' && Number.isFinite(Number(raw))) {
    return Number(raw)
  }
  throw invalid(`Cannot read ${name}: not a number`)
}
