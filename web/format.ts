/** Numbers and dates in the reader's own conventions. */

const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const
/** Some browsers name a language in a way that they do not know themselves, such as `en-US@posix`. */
const locales = navigator.languages.filter(isLanguage)

// Made once: a formatter costs far more than a use of it, and lists are long.
const wholeBytes = new Intl.NumberFormat(locales, {
  style: 'unit',
  unit: 'byte',
  unitDisplay: 'long',
})
const amounts = units.map((unit) =>
  [0, 1].map((maximumFractionDigits) => {
    const shape = { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits } as const
    return new Intl.NumberFormat(locales, shape)
  }),
)
const times = new Intl.DateTimeFormat(locales, { timeStyle: 'short' })
const dates = new Intl.DateTimeFormat(locales, { dateStyle: 'medium' })
const moments = new Intl.DateTimeFormat(locales, { dateStyle: 'full', timeStyle: 'short' })
const spans = new Intl.RelativeTimeFormat(locales, { numeric: 'auto' })

function isLanguage(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length > 0
  } catch {
    return false
  }
}

export function formatBytes(bytes: number): string {
  if (bytes < 1000) return wholeBytes.format(bytes)
  const power = Math.min(4, Math.floor(Math.log10(bytes) / 3))
  const amount = bytes / 1000 ** power
  return amounts[power]?.[amount >= 100 ? 0 : 1]?.format(amount) ?? ''
}

/** @returns '' for no rate yet */
export function formatRate(bytesPerSecond: number): string {
  return bytesPerSecond > 0 ? `${formatBytes(Math.round(bytesPerSecond))}/s` : ''
}

const isDate = (date: Date) => !Number.isNaN(date.getTime())

/** Today's times as a time, others as a date. @returns '' for what is no date */
export function formatDate(date: Date, today = new Date()): string {
  if (!isDate(date)) return ''
  const sameDay = date.toDateString() === today.toDateString()
  return (sameDay ? times : dates).format(date)
}

export function formatMoment(date: Date): string {
  return isDate(date) ? moments.format(date) : ''
}

/** With its milliseconds, and from how many days on it is used. */
const steps = [
  ['year', 365 * 86_400_000, 700],
  ['month', 30 * 86_400_000, 120],
  ['day', 86_400_000, 1],
  ['hour', 3_600_000, 1 / 24],
  ['minute', 60_000, 0],
] as const

/** How far from now: "in 89 days", "2 hours ago". */
export function formatSpan(date: Date, now = Date.now()): string {
  if (!isDate(date)) return ''
  const span = date.getTime() - now
  const days = Math.abs(span) / 86_400_000
  const [unit, length] = steps.find(([, , least]) => days >= least) ?? ['minute', 60_000]
  return spans.format(Math.round(span / length), unit)
}
