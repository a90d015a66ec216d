/** Formats numbers and dates in the browser's locale. */

const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const
/** Some browsers report tags that `Intl` rejects, such as `en-US@posix`. */
const locales = navigator.languages.filter(isValidLocale)

// Created once: constructing a formatter is far slower than using it.
const byteFormat = new Intl.NumberFormat(locales, {
  style: 'unit',
  unit: 'byte',
  unitDisplay: 'long',
})
const unitFormats = units.map((unit) =>
  [0, 1].map((maximumFractionDigits) => {
    const options = { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits } as const
    return new Intl.NumberFormat(locales, options)
  }),
)
const timeFormat = new Intl.DateTimeFormat(locales, { timeStyle: 'short' })
const dateFormat = new Intl.DateTimeFormat(locales, { dateStyle: 'medium' })
const dateTimeFormat = new Intl.DateTimeFormat(locales, { dateStyle: 'full', timeStyle: 'short' })
const relativeFormat = new Intl.RelativeTimeFormat(locales, { numeric: 'auto' })

function isValidLocale(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length > 0
  } catch {
    return false
  }
}

export function formatBytes(bytes: number): string {
  if (bytes < 1000) return byteFormat.format(bytes)
  const power = Math.min(4, Math.floor(Math.log10(bytes) / 3))
  const amount = bytes / 1000 ** power
  return unitFormats[power]?.[amount >= 100 ? 0 : 1]?.format(amount) ?? ''
}

/** @returns '' while the rate is 0 */
export function formatRate(bytesPerSecond: number): string {
  return bytesPerSecond > 0 ? `${formatBytes(Math.round(bytesPerSecond))}/s` : ''
}

const isValidDate = (date: Date) => !Number.isNaN(date.getTime())

/** Formats a date of today as a time, another one as a date. @returns '' for an invalid date */
export function formatDate(date: Date, today = new Date()): string {
  if (!isValidDate(date)) return ''
  const sameDay = date.toDateString() === today.toDateString()
  return (sameDay ? timeFormat : dateFormat).format(date)
}

export function formatDateTime(date: Date): string {
  return isValidDate(date) ? dateTimeFormat.format(date) : ''
}

/** Unit, its length in milliseconds, and the minimum difference in days for which it is used. */
const relativeUnits = [
  ['year', 365 * 86_400_000, 700],
  ['month', 30 * 86_400_000, 120],
  ['day', 86_400_000, 1],
  ['hour', 3_600_000, 1 / 24],
  ['minute', 60_000, 0],
] as const

/** Formats the difference to now: "in 89 days", "2 hours ago". @returns '' for an invalid date */
export function formatRelative(date: Date, now = Date.now()): string {
  if (!isValidDate(date)) return ''
  const differenceMs = date.getTime() - now
  const days = Math.abs(differenceMs) / 86_400_000
  const [unit, unitMs] = relativeUnits.find(([, , minDays]) => days >= minDays) ?? [
    'minute',
    60_000,
  ]
  return relativeFormat.format(Math.round(differenceMs / unitMs), unit)
}
