/** Buffer of ended spans, as OTLP JSON. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { randomBytes } from 'node:crypto'
import type { Attributes, SpanOptions, Telemetry } from './metrics.ts'
import { keyValues, nanoseconds } from './otlp-json.ts'

/** Maximum buffer size; the oldest spans are dropped. */
const maxSpans = 2_048

export interface SpanBuffer {
  span: Telemetry['span']
  /** Removes and returns all ended spans. The caller sends them or requeues them. */
  drain(): object[]
  requeue(spans: object[]): void
}

interface Context {
  traceId: string
  spanId: string
  sampled: boolean
}

const kinds: Record<SpanOptions['kind'], number> = { server: 2, client: 3 }
const failed = 2

export function createSpanBuffer(): SpanBuffer {
  const current = new AsyncLocalStorage<Context>()
  let ended: object[] = []

  return {
    async span({ kind, name, attributes = {}, parent = current.getStore() }, work) {
      const context: Context = {
        traceId: parent?.traceId ?? randomBytes(16).toString('hex'),
        spanId: randomBytes(8).toString('hex'),
        // The origin of the trace has made the sampling decision.
        sampled: parent?.sampled ?? true,
      }
      if (!context.sampled) return current.run(context, () => work(() => {}))
      const startTime = Date.now()
      const startedAt = performance.now()
      let allAttributes: Attributes = { ...attributes }
      let hasThrown = false
      try {
        return await current.run(context, () =>
          work((more) => (allAttributes = { ...allAttributes, ...more })),
        )
      } catch (error) {
        hasThrown = true
        throw error
      } finally {
        const { traceId, spanId } = context
        ended.push({
          traceId,
          spanId,
          ...(parent?.spanId === undefined ? {} : { parentSpanId: parent.spanId }),
          name,
          kind: kinds[kind],
          startTimeUnixNano: nanoseconds(startTime),
          endTimeUnixNano: nanoseconds(startTime + performance.now() - startedAt),
          attributes: keyValues(allAttributes),
          // Error messages are not sent: they may contain secrets or personal data.
          status: hasThrown || 'error.type' in allAttributes ? { code: failed } : {},
        })
        if (ended.length > maxSpans) ended.shift()
      }
    },

    drain() {
      const drained = ended
      ended = []
      return drained
    },
    requeue(spans) {
      ended = [...spans, ...ended].slice(-maxSpans)
    },
  }
}
