/** Points in time, as whole microseconds since 1970: what Firestore keeps of a timestamp. */
import { invalid } from './status.ts'

export type Micros = bigint

const form = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/
const earliest = BigInt(Date.parse('0001-01-01T00:00:00Z')) * 1000n
const latest = BigInt(Date.parse('9999-12-31T23:59:59Z')) * 1000n + 999_999n

/** Reads RFC 3339; digits beyond microseconds are cut off, as Firestore does. */
export function readTimestamp(raw: unknown, what: string): Micros {
  const parts = typeof raw === 'string' ? form.exec(raw) : null
  const [, wall = '', fraction = '', zone = ''] = parts ?? []
  const instant = Date.parse(wall + zone)
  const whole = Date.parse(`${wall}Z`)
  // A day that does not exist is carried over by some parsers, so it would not come back the same.
  if (!parts || Number.isNaN(instant) || !new Date(whole).toISOString().startsWith(wall)) {
    throw invalid(`Cannot read ${what}: ${JSON.stringify(raw)} is no RFC 3339 timestamp`)
  }
  const micros = BigInt(instant) * 1000n + BigInt(fraction.padEnd(6, '0').slice(0, 6))
  if (micros < earliest || micros > latest) throw invalid(`Cannot read ${what}: out of range`)
  return micros
}

/** Writes RFC 3339 with no, three or six digits after the second. */
export function writeTimestamp(micros: Micros): string {
  const rest = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n
  const seconds = new Date(Number((micros - rest) / 1000n)).toISOString().slice(0, 19)
  if (rest === 0n) return `${seconds}Z`
  const digits = String(rest).padStart(6, '0')
  return `${seconds}.${digits.endsWith('000') ? digits.slice(0, 3) : digits}Z`
}
