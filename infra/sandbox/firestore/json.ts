/**
 * Reading requests in the JSON form of protocol buffers, strictly: a field that is not known is an
 * error and never ignored, because it may change what the request means.
 */
import { invalid, unimplemented } from './status.ts'

export type Fields = Record<string, unknown>

/**
 * Reads one message.
 *
 * @param known the fields that are understood
 * @param foreign fields that Google understands and the embedded Firestore does not
 * @returns the fields that are set, without those that are `null`
 */
export function readFields(
  raw: unknown,
  message: string,
  known: readonly string[],
  foreign: readonly string[] = [],
): Fields {
  if (raw === undefined || raw === null) return {}
  if (typeof raw !== 'object' || Array.isArray(raw)) throw invalid(`Cannot read ${message}`)
  const fields: Fields = {}
  for (const [name, value] of Object.entries(raw)) {
    const key = name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
    if (foreign.includes(key)) throw unimplemented(`${key} in ${message}`)
    if (!known.includes(key)) throw invalid(`Cannot read unknown field "${key}" in ${message}`)
    if (value !== null || key === 'nullValue') fields[key] = value
  }
  return fields
}

/** The one field that is set of those that exclude each other, if any is. */
export function readChoice<K extends string>(
  fields: Fields,
  message: string,
  choices: readonly K[],
): K | undefined {
  const set = choices.filter((choice) => fields[choice] !== undefined)
  if (set.length > 1) throw invalid(`Cannot read ${message} with both ${set.join(' and ')}`)
  return set[0]
}

export function readList(raw: unknown, what: string): unknown[] {
  if (raw === undefined) return []
  if (!Array.isArray(raw)) throw invalid(`Cannot read ${what}: not a list`)
  return raw
}

export function readText(raw: unknown, what: string): string {
  if (raw === undefined) return ''
  if (typeof raw !== 'string') throw invalid(`Cannot read ${what}: not a string`)
  return raw
}

export function readFlag(raw: unknown, what: string): boolean {
  if (raw === undefined || raw === false || raw === 'false') return false
  if (raw === true || raw === 'true') return true
  throw invalid(`Cannot read ${what}: not a boolean`)
}

const int32Max = 2 ** 31 - 1

export function readInt32(raw: unknown, what: string): number {
  if (raw === undefined) return 0
  const number = typeof raw === 'string' && raw !== '' ? Number(raw) : raw
  if (typeof number !== 'number' || !Number.isInteger(number) || Math.abs(number) > int32Max) {
    throw invalid(`Cannot read ${what}: not a 32-bit integer`)
  }
  return number
}

const int64Max = 2n ** 63n - 1n
const int64Min = -(2n ** 63n)

/** Reads an int64, which JSON carries as a string so that no digit is lost. */
export function readInt64(raw: unknown, what: string): bigint {
  let number: bigint | undefined
  if (typeof raw === 'string' && /^-?\d+$/.test(raw)) number = BigInt(raw)
  else {
    const double = typeof raw === 'string' && raw.trim() !== '' ? Number(raw) : raw
    if (typeof double === 'number' && Number.isInteger(double)) number = BigInt(double)
  }
  if (number === undefined || number > int64Max || number < int64Min) {
    throw invalid(`Cannot read ${what}: not a 64-bit integer`)
  }
  return number
}

export function readDouble(raw: unknown, what: string): number {
  if (typeof raw === 'number') return raw
  if (raw === 'NaN' || raw === 'Infinity' || raw === '-Infinity') return Number(raw)
  if (typeof raw === 'string' && raw.trim() !== '' && Number.isFinite(Number(raw))) {
    return Number(raw)
  }
  throw invalid(`Cannot read ${what}: not a number`)
}

/** Reads base64 in either alphabet, padded or not. */
export function readBytes(raw: unknown, what: string): Buffer {
  const text = readText(raw, what)
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(text)) throw invalid(`Cannot read ${what}: not base64`)
  return Buffer.from(text, 'base64')
}

/**
 * Reads an enum by its name or by its number.
 *
 * @param names in the order of their numbers; an empty one is a number that does not exist
 * @returns `undefined` when it is not set or unspecified
 */
export function readEnum<N extends string>(
  raw: unknown,
  what: string,
  names: readonly (N | '')[],
): N | undefined {
  if (raw === undefined || raw === 0 || raw === '0') return undefined
  if (typeof raw === 'string' && raw.endsWith('_UNSPECIFIED')) return undefined
  const number = typeof raw === 'string' && /^\d+$/.test(raw) ? Number(raw) : raw
  const name =
    typeof number === 'number' ? names[number] : names.find((known) => known && known === number)
  if (!name) throw invalid(`Cannot read ${what}: ${JSON.stringify(raw)} is none of its values`)
  return name
}
