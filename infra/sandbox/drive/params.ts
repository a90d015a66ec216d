/** Query parameters, parsed as strictly as Google does. */
import { DriveError, invalidParameter } from './errors.ts'

/** @throws 400 unless the value is `true` or `false` */
export function readBoolean(url: URL, name: string): boolean {
  const value = url.searchParams.get(name)
  if (value === null || value === '' || value === 'false') return false
  if (value === 'true') return true
  throw invalidParameter(name, `Invalid boolean value: '${value}'.`, 'invalidParameter')
}

/**
 * Reads an integer.
 *
 * @param range.clamp lowers a value above `max` instead of throwing
 * @throws 400 when it is not an integer, or out of range
 */
export function readInteger(
  url: URL,
  name: string,
  range: { min: number; max: number; default: number; clamp?: boolean },
): number {
  const text = url.searchParams.get(name)
  if (text === null || text === '') return range.default
  const value = /^-?\d{1,10}$/.test(text) ? Number(text) : NaN
  if (Number.isNaN(value)) {
    throw invalidParameter(name, `Invalid value '${text}'.`, 'invalidParameter')
  }
  if (value > range.max && range.clamp) return range.max
  if (value < range.min || value > range.max) {
    const message = `Invalid value '${value}'. Values must be within the range: [${range.min}, ${range.max}]`
    throw invalidParameter(name, message, 'invalidParameter')
  }
  return value
}

export function requireParameter(url: URL, name: string): string {
  const value = url.searchParams.get(name)
  if (value) return value
  throw new DriveError(400, 'required', `Required parameter: ${name}`, { location: name })
}
