/** OTLP JSON encoding. */
import type { Attributes } from './metrics.ts'

export function keyValues(attributes: Attributes): object[] {
  return Object.entries(attributes).map(([key, value]) => ({
    key,
    value: typeof value === 'string' ? { stringValue: value } : { intValue: String(value) },
  }))
}

/** @param ms milliseconds since 1970; a float has microsecond precision */
export function nanoseconds(ms: number): string {
  return `${Math.round(ms * 1000)}000`
}
