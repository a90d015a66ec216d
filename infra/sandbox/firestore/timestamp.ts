/** Timestamps as whole microseconds since 1970, which is Firestore's precision. */
import { invalid } from './status.ts'

export type Micros = bigint

const rfc3339 = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/
const earliest = BigInt(Date.parse('0001-01-01T00:00:00Z')) * 1000n
const latest = BigInt(Date.parse('9999-12-31T23:59:59Z')) * 1000n + 999_999n

/** Reads RFC 3339; truncates to microseconds, as Firestore does. */
export function readTimestamp(raw: unknown, name: string): Micros {
  const parts = typeof raw === 'string' ? rfc3339.exec(raw) : null
  const [, dateTime = '', fraction = '', zone = ''] = parts ?? []
  const instant = Date.parse(dateTime + zone)
  const local = Date.parse(`${dateTime}Z`)
  // Some parsers carry a date that does not exist over to the next month.
  if (!parts || Number.isNaN(instant) || !new Date(local).toISOString().startsWith(dateTime)) {
    throw invalid(`Cannot read ${name}: ${JSON.stringify(raw)} is not an RFC 3339 timestamp`)
  }
  const micros = BigInt(instant) * 1000n + BigInt(fraction.padEnd(6, '0').slice(0, 6))
  if (micros < earliest || micros > latest) throw invalid(`Cannot read ${name}: out of range`)
  return micros
}

/** Writes RFC 3339 with no, three or six digits after the second. */
export function writeTimestamp(micros: Micros): string {
  const remainder = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n
  const seconds = new Date(Number((micros - remainder) / 1000n)).toISOString().slice(0, 19)
  if (remainder === 0n) return `${seconds}Z`
  const digits = String(remainder).padStart(6, '0')
  return `${seconds}.${digits.endsWith('000') ? digits.slice(0, 3) : digits}Z`
}
