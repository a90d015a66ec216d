/** Points since the process began, in OTLP's JSON: whatever is lost on the way, the next one has it. */
import { metrics } from './metrics.ts'
import type { Attributes, MetricName } from './metrics.ts'
import { keyValues } from './otlp-json.ts'

/** Metrics, each with its points; more points than these are not begun. */
const mostPoints = 1_000

const kibibyte = 1024
/** Upper bounds of the buckets, by unit. */
const boundsOf: Record<string, readonly number[]> = {
  s: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800],
  By: [256, 512, 1_024, 2_048, 4_096, 8_192, 16_384, 32_768, 73_728].map((n) => n * kibibyte),
}

interface Point {
  attributes: Attributes
  count: number
  sum: number
  min: number
  max: number
  buckets: number[]
}

export interface Series {
  add(name: MetricName, value: number, attributes: Attributes): void
  /**
   * `ExportMetricsServiceRequest.resourceMetrics[].scopeMetrics[].metrics`; empty where nothing was
   * added.
   *
   * @param since when the process began, and `now`, both in nanoseconds
   */
  encode(since: string, now: string): object[]
}

export function createSeries(): Series {
  const byName = new Map<MetricName, Map<string, Point>>()
  let points = 0

  return {
    add(name, value, attributes) {
      const { kind, unit } = metrics[name]
      let ofName = byName.get(name)
      if (!ofName) byName.set(name, (ofName = new Map()))
      const key = JSON.stringify(
        Object.entries(attributes).toSorted(([a], [b]) => (a < b ? -1 : 1)),
      )
      let point = ofName.get(key)
      if (!point) {
        if (points >= mostPoints) return
        points++
        const bounds = kind === 'histogram' ? (boundsOf[unit] ?? []) : []
        const buckets = Array.from({ length: bounds.length + 1 }, () => 0)
        point = { attributes, count: 0, sum: 0, min: Infinity, max: -Infinity, buckets }
        ofName.set(key, point)
      }
      point.count++
      point.sum += value
      point.min = Math.min(point.min, value)
      point.max = Math.max(point.max, value)
      if (kind === 'counter') return
      const above = (boundsOf[unit] ?? []).findIndex((bound) => value <= bound)
      const at = above === -1 ? point.buckets.length - 1 : above
      point.buckets[at] = (point.buckets[at] ?? 0) + 1
    },

    encode: (since, now) =>
      [...byName].map(([name, ofName]) => {
        const { kind, unit, meaning } = metrics[name]
        const dataPoints = [...ofName.values()].map((point) => ({
          attributes: keyValues(point.attributes),
          startTimeUnixNano: since,
          timeUnixNano: now,
          ...(kind === 'counter' ? { asInt: String(point.sum) } : histogramPoint(point, unit)),
        }))
        const aggregated = { aggregationTemporality: cumulative, dataPoints }
        return {
          name,
          unit,
          description: meaning,
          ...(kind === 'counter'
            ? { sum: { ...aggregated, isMonotonic: true } }
            : { histogram: aggregated }),
        }
      }),
  }
}

const cumulative = 2

/** OTLP's JSON has integers of 64 bits as strings. */
function histogramPoint({ count, sum, min, max, buckets }: Point, unit: string): object {
  return {
    count: String(count),
    sum,
    min,
    max,
    bucketCounts: buckets.map(String),
    explicitBounds: boundsOf[unit],
  }
}
