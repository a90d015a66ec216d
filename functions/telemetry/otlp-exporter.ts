/**
 * OTLP/HTTP exporter for metrics and spans, with JSON encoding. OpenTelemetry's SDK would be a sixth of
 * the bundle, reads the environment itself, and exports on a timer, which does not run while Cloud Run
 * throttles the CPU between requests.
 *
 * This exporter sends when a request has ended and no other is in flight, or when the last export is
 * older than the interval. Data that is not sent before the CPU is throttled follows with the next
 * request, or at SIGTERM.
 *
 * @see OpenTelemetry Protocol, "OTLP/HTTP": JSON Protobuf Encoding
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Attributes, Telemetry } from './metrics.ts'
import { keyValues, nanoseconds } from './otlp-json.ts'
import { createMetricAggregator } from './metric-aggregator.ts'
import { createSpanBuffer } from './span-buffer.ts'

export interface OtlpExporter extends Telemetry {
  /** Sends the remaining data; resolves after `withinMs` at the latest. */
  stop(withinMs: number): Promise<void>
}

export interface OtlpExporterOptions {
  /** The collector's URL, without a trailing slash. */
  endpoint: string
  /** Headers of every export request; may contain secrets. */
  headers?: Record<string, string>
  /** Resource attributes by OpenTelemetry's semantic conventions. */
  resource: Attributes
  /** Called once when exports start to fail, and again after a successful export. */
  onExportError?: (reason: string) => void
  /** Milliseconds between exports while requests are in flight, or while exports fail. */
  intervalMs?: number
  /** Timeout of one export request, in milliseconds. */
  timeoutMs?: number
}

export function createOtlpExporter(options: OtlpExporterOptions): OtlpExporter {
  const { endpoint, onExportError = () => {}, intervalMs = 10_000, timeoutMs = 5_000 } = options
  const aggregator = createMetricAggregator()
  const spans = createSpanBuffer()
  const startTime = nanoseconds(Date.now())
  const resource = {
    attributes: keyValues({ ...options.resource, 'service.instance.id': randomUUID() }),
  }
  const scope = { name: 'driveway' }
  let sending: Promise<void> | undefined
  let inFlight = 0
  let lastSentAt = performance.now()
  let isFailing = false

  /** @returns `null` on success, else the reason and whether a retry may succeed */
  async function post(
    path: string,
    body: object,
  ): Promise<{ reason: string; retryable: boolean } | null> {
    try {
      const response = await fetch(`${endpoint}/v1/${path}`, {
        method: 'POST',
        headers: { ...options.headers, 'content-type': 'application/json' },
        body: JSON.stringify(body),
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
      })
      await response.body?.cancel()
      if (response.ok) return null
      const retryable = response.status === 429 || response.status >= 500
      return { reason: `The collector returned ${response.status}`, retryable }
    } catch (error) {
      return { reason: error instanceof Error ? error.name : 'unknown', retryable: true }
    }
  }

  async function send(): Promise<void> {
    lastSentAt = performance.now()
    const metrics = aggregator.encode(startTime, nanoseconds(Date.now()))
    const ended = spans.drain()
    const skipped = Promise.resolve(null)
    const [metricError, traceError] = await Promise.all([
      metrics.length === 0
        ? skipped
        : post('metrics', { resourceMetrics: [{ resource, scopeMetrics: [{ scope, metrics }] }] }),
      ended.length === 0
        ? skipped
        : post('traces', { resourceSpans: [{ resource, scopeSpans: [{ scope, spans: ended }] }] }),
    ])
    if (traceError?.retryable) spans.requeue(ended)
    const failure = metricError ?? traceError
    if (failure && !isFailing) onExportError(failure.reason)
    isFailing = failure !== null
  }

  const flush = (): Promise<void> =>
    (sending ??= send().finally(() => {
      sending = undefined
    }))

  const sendIfDue = (): void => {
    const isIdle = inFlight === 0 && !isFailing
    if (isIdle || performance.now() - lastSentAt >= intervalMs) void flush()
  }

  return {
    count: (name, by, attributes = {}) => aggregator.add(name, by, attributes as Attributes),
    measure: (name, value, attributes = {}) =>
      aggregator.add(name, value, attributes as Attributes),
    async span(span, work) {
      if (span.kind === 'server') inFlight++
      try {
        return await spans.span(span, work)
      } finally {
        if (span.kind === 'server') inFlight--
        sendIfDue()
      }
    },
    async stop(withinMs) {
      // A running export does not include the latest data.
      const flushed = (sending ?? Promise.resolve()).then(flush)
      await Promise.race([flushed, sleep(withinMs, undefined, { ref: false })])
    },
  }
}
