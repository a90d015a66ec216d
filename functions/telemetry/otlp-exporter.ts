/**
 * Metrics and spans to an OpenTelemetry collector, as plain JSON over HTTP. OpenTelemetry's own SDK
 * would be a sixth of the bundle, reads the environment by itself, and sends by a timer, which does
 * not run where the CPU is taken away between requests.
 *
 * So it is sent when a request has ended and no other is under way, or when the last time is a while
 * ago; what is not out when the CPU goes follows with the next request, or with SIGTERM.
 *
 * @see OpenTelemetry Protocol, "OTLP/HTTP": JSON Protobuf Encoding
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Attributes, Telemetry } from './metrics.ts'
import { keyValues, nanoseconds } from './otlp-json.ts'
import { createSeries } from './metric-aggregator.ts'
import { createSpans } from './span-buffer.ts'

export interface Outlet extends Telemetry {
  /** Sends what there is, for the last time; resolves within the time, sent or not. */
  stop(withinMs: number): Promise<void>
}

export interface OutletParts {
  /** The collector's address, without a slash at its end. */
  endpoint: string
  /** Sent to it with everything; may be secret. */
  headers?: Record<string, string>
  /** What runs here, in the words of OpenTelemetry's resource conventions. */
  resource: Attributes
  /** Told when sending begins to fail, once until it works again. */
  onLost?: (why: string) => void
  /** Milliseconds between two sendings while requests are under way, or while sending fails. */
  everyMs?: number
  /** Milliseconds that the collector has. */
  timeoutMs?: number
}

export function createOutlet(parts: OutletParts): Outlet {
  const { endpoint, onLost = () => {}, everyMs = 10_000, timeoutMs = 5_000 } = parts
  const series = createSeries()
  const spans = createSpans()
  const since = nanoseconds(Date.now())
  const resource = {
    attributes: keyValues({ ...parts.resource, 'service.instance.id': randomUUID() }),
  }
  const scope = { name: 'driveway' }
  let underWay: Promise<void> | undefined
  let requests = 0
  let lastAt = performance.now()
  let isLost = false

  /** @returns why not, where it was not taken; `again` where it may be taken later */
  async function post(path: string, body: object): Promise<{ why: string; again: boolean } | null> {
    try {
      const answer = await fetch(`${endpoint}/v1/${path}`, {
        method: 'POST',
        headers: { ...parts.headers, 'content-type': 'application/json' },
        body: JSON.stringify(body),
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
      })
      await answer.body?.cancel()
      if (answer.ok) return null
      const again = answer.status === 429 || answer.status >= 500
      return { why: `the collector answered ${answer.status}`, again }
    } catch (error) {
      return { why: error instanceof Error ? error.name : 'unknown', again: true }
    }
  }

  async function send(): Promise<void> {
    lastAt = performance.now()
    const metrics = series.encode(since, nanoseconds(Date.now()))
    const taken = spans.take()
    const nothing = Promise.resolve(null)
    const [first, second] = await Promise.all([
      metrics.length === 0
        ? nothing
        : post('metrics', { resourceMetrics: [{ resource, scopeMetrics: [{ scope, metrics }] }] }),
      taken.length === 0
        ? nothing
        : post('traces', { resourceSpans: [{ resource, scopeSpans: [{ scope, spans: taken }] }] }),
    ])
    if (second?.again) spans.giveBack(taken)
    const failure = first ?? second
    if (failure && !isLost) onLost(failure.why)
    isLost = failure !== null
  }

  const flush = (): Promise<void> =>
    (underWay ??= send().finally(() => {
      underWay = undefined
    }))

  const sendIfDue = (): void => {
    const isIdle = requests === 0 && !isLost
    if (isIdle || performance.now() - lastAt >= everyMs) void flush()
  }

  return {
    count: (name, by, attributes = {}) => series.add(name, by, attributes as Attributes),
    measure: (name, value, attributes = {}) => series.add(name, value, attributes as Attributes),
    async span(terms, work) {
      if (terms.kind === 'server') requests++
      try {
        return await spans.span(terms, work)
      } finally {
        if (terms.kind === 'server') requests--
        sendIfDue()
      }
    },
    async stop(withinMs) {
      // What is under way does not have what came since.
      const all = (underWay ?? Promise.resolve()).then(flush)
      await Promise.race([all, sleep(withinMs, undefined, { ref: false })])
    },
  }
}
