/** Spans that have ended, in OTLP's JSON, until they are sent. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { randomBytes } from 'node:crypto'
import type { Attributes, SpanTerms, Telemetry } from './metrics.ts'
import { keyValues, nanoseconds } from './otlp-json.ts'

/** Those that are kept while they cannot be sent; the oldest go first. */
const mostSpans = 2_048

export interface Spans {
  span: Telemetry['span']
  /** All that have ended since; whoever takes them sends them or gives them back. */
  take(): object[]
  giveBack(spans: object[]): void
}

interface Context {
  traceId: string
  spanId: string
  sampled: boolean
}

const kinds: Record<SpanTerms['kind'], number> = { server: 2, client: 3 }
const failed = 2

export function createSpans(): Spans {
  const current = new AsyncLocalStorage<Context>()
  let ended: object[] = []

  return {
    async span({ kind, name, attributes = {}, parent = current.getStore() }, work) {
      const context: Context = {
        traceId: parent?.traceId ?? randomBytes(16).toString('hex'),
        spanId: randomBytes(8).toString('hex'),
        // Whoever began the trace has decided whether it is kept.
        sampled: parent?.sampled ?? true,
      }
      if (!context.sampled) return current.run(context, () => work(() => {}))
      const began = Date.now()
      const since = performance.now()
      let noted: Attributes = { ...attributes }
      let threw = false
      try {
        return await current.run(context, () => work((more) => (noted = { ...noted, ...more })))
      } catch (error) {
        threw = true
        throw error
      } finally {
        const { traceId, spanId } = context
        ended.push({
          traceId,
          spanId,
          ...(parent?.spanId === undefined ? {} : { parentSpanId: parent.spanId }),
          name,
          kind: kinds[kind],
          startTimeUnixNano: nanoseconds(began),
          endTimeUnixNano: nanoseconds(began + performance.now() - since),
          attributes: keyValues(noted),
          // An error's words are not sent: nobody knows what is in them.
          status: threw || 'error.type' in noted ? { code: failed } : {},
        })
        if (ended.length > mostSpans) ended.shift()
      }
    },

    take() {
      const taken = ended
      ended = []
      return taken
    },
    giveBack(spans) {
      ended = [...spans, ...ended].slice(-mostSpans)
    },
  }
}
