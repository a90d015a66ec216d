/** Query parameters, read as strictly as Google reads them. */
import { DriveError, invalidParameter } from './errors.ts'

/** @throws 400 unless the value is `true` or `false` */
export function flag(url: URL, name: string): boolean {
  const value = url.searchParams.get(name)
  if (value === null || value === '' || value === 'false') return false
  if (value === 'true') return true
  throw invalidParameter(name, `Invalid boolean value: '${value}'.`, 'invalidParameter')
}

/** @throws 400 when it is no whole number, or out of range; `coerce` lowers what is too large */
export function wholeNumber(
  url: URL,
  name: string,
  range: { least: number; most: number; otherwise: number; coerce?: boolean },
): number {
  const text = url.searchParams.get(name)
  if (text === null || text === '') return range.otherwise
  const value = /^-?\d{1,10}$/.test(text) ? Number(text) : NaN
  if (Number.isNaN(value)) {
    throw invalidParameter(name, `Invalid value '${text}'.`, 'invalidParameter')
  }
  if (value > range.most && range.coerce) return range.most
  if (value < range.least || value > range.most) {
    const message = `Invalid value '${value}'. Values must be within the range: [${range.least}, ${range.most}]`
    throw invalidParameter(name, message, 'invalidParameter')
  }
  return value
}

export function required(url: URL, name: string): string {
  const value = url.searchParams.get(name)
  if (value) return value
  throw new DriveError(400, 'required', `Required parameter: ${name}`, { location: name })
}
