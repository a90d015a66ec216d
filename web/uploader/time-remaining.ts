/** The estimated time remaining of an upload. */
import { strings } from './strings.ts'

/** @param rate bytes per second @returns '' while unknown */
export function formatTimeRemaining(bytes: number, rate: number): string {
  if (rate <= 0 || bytes <= 0) return ''
  const seconds = bytes / rate
  if (seconds < 55)
    return strings.secondsLeft(Math.ceil(seconds / 10) * 10 - (seconds < 10 ? 5 : 0))
  const minutes = Math.round(seconds / 60)
  if (minutes < 60) return strings.minutesLeft(Math.max(1, minutes))
  return strings.hoursLeft(Math.round(minutes / 60))
}
