/** Numbers and dates in the reader's own conventions. */
import { strings } from './strings.ts'

const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const

export function formatBytes(bytes: number): string {
  const power = bytes < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(bytes) / 3))
  const amount = bytes / 1000 ** power
  return new Intl.NumberFormat(undefined, {
    style: 'unit',
    unit: units[power] ?? 'byte',
    unitDisplay: power === 0 ? 'long' : 'short',
    maximumFractionDigits: power === 0 || amount >= 100 ? 0 : 1,
  }).format(amount)
}

/** @returns '' for no rate yet */
export function formatRate(bytesPerSecond: number): string {
  return bytesPerSecond > 0 ? strings.perSecond(formatBytes(Math.round(bytesPerSecond))) : ''
}

/** Today's times as a time, others as a date. @returns '' for what is no date */
export function formatDate(date: Date, today = new Date()): string {
  if (Number.isNaN(date.getTime())) return ''
  const sameDay = date.toDateString() === today.toDateString()
  return date.toLocaleString(undefined, sameDay ? { timeStyle: 'short' } : { dateStyle: 'medium' })
}

export function formatMoment(date: Date): string {
  if (Number.isNaN(date.getTime())) return ''
  return date.toLocaleString(undefined, { dateStyle: 'full', timeStyle: 'short' })
}
