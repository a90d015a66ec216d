/** Cumulative metrics since the process start, as OTLP JSON: a lost export is included in the next one. */
import { metrics } from './metrics.ts'
import type { Attributes, MetricName } from './metrics.ts'
import { keyValues } from './otlp-json.ts'

/** Maximum number of points of all metrics; further ones are dropped. */
const maxPoints = 1_000

const kibibyte = 1024
/** Upper bounds of the histogram buckets, by unit. */
const bucketBounds: Record<string, readonly number[]> = {
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

export interface MetricAggregator {
  add(name: MetricName, value: number, attributes: Attributes): void
  /**
   * Encodes `ExportMetricsServiceRequest.resourceMetrics[].scopeMetrics[].metrics`; empty without data.
   *
   * @param startTime process start, and `now`, both in nanoseconds
   */
  encode(startTime: string, now: string): object[]
}

export function createMetricAggregator(): MetricAggregator {
  const byName = new Map<MetricName, Map<string, Point>>()
  let points = 0

  return {
    add(name, value, attributes) {
      const { kind, unit } = metrics[name]
      let pointsByKey = byName.get(name)
      if (!pointsByKey) byName.set(name, (pointsByKey = new Map()))
      const key = JSON.stringify(
        Object.entries(attributes).toSorted(([a], [b]) => (a < b ? -1 : 1)),
      )
      let point = pointsByKey.get(key)
      if (!point) {
        if (points >= maxPoints) return
        points++
        const bounds = kind === 'histogram' ? (bucketBounds[unit] ?? []) : []
        const buckets = Array.from({ length: bounds.length + 1 }, () => 0)
        point = { attributes, count: 0, sum: 0, min: Infinity, max: -Infinity, buckets }
        pointsByKey.set(key, point)
      }
      point.count++
      point.sum += value
      point.min = Math.min(point.min, value)
      point.max = Math.max(point.max, value)
      if (kind === 'counter') return
      const found = (bucketBounds[unit] ?? []).findIndex((bound) => value <= bound)
      const index = found === -1 ? point.buckets.length - 1 : found
      point.buckets[index] = (point.buckets[index] ?? 0) + 1
    },

    encode: (startTime, now) =>
      [...byName].map(([name, pointsByKey]) => {
        const { kind, unit, description } = metrics[name]
        const dataPoints = [...pointsByKey.values()].map((point) => ({
          attributes: keyValues(point.attributes),
          startTimeUnixNano: startTime,
          timeUnixNano: now,
          ...(kind === 'counter' ? { asInt: String(point.sum) } : histogramPoint(point, unit)),
        }))
        const aggregated = { aggregationTemporality: cumulative, dataPoints }
        return {
          name,
          unit,
          description,
          ...(kind === 'counter'
            ? { sum: { ...aggregated, isMonotonic: true } }
            : { histogram: aggregated }),
        }
      }),
  }
}

const cumulative = 2

/** OTLP JSON encodes 64-bit integers as strings. */
function histogramPoint({ count, sum, min, max, buckets }: Point, unit: string): object {
  return {
    count: String(count),
    sum,
    min,
    max,
    bucketCounts: buckets.map(String),
    explicitBounds: bucketBounds[unit],
  }
}
