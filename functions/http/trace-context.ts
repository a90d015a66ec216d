/** The trace that a request belongs to, as Google's front ends and other callers say it. */
import type { IncomingMessage } from 'node:http'

export interface Trace {
  /** 32 hex digits. */
  traceId: string
  /** The span that the request comes from, 16 hex digits; the older header may leave it out. */
  spanId?: string
  /** Whether whoever began the trace keeps it; nothing where that is not said. */
  sampled?: boolean
}

const maxSpan = 2n ** 64n - 1n

/**
 * `traceparent` counts where it is whole; the older header is looked at where it is not.
 *
 * @see W3C Trace Context, "traceparent Header Field Values"; Google Cloud, "Trace context"
 */
export function readTrace({ headers }: Pick<IncomingMessage, 'headers'>): Trace | undefined {
  return (
    readTraceparent(String(headers['traceparent'] ?? '')) ??
    readCloudTrace(String(headers['x-cloud-trace-context'] ?? ''))
  )
}

function readTraceparent(value: string): Trace | undefined {
  // A version to come may say more after the flags; 00 may not, and ff is none.
  const [, version, traceId = '', spanId = '', flags = '', more] =
    /^(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/.exec(value) ?? []
  if (isNothing(traceId) || isNothing(spanId)) return undefined
  if (version === '00' && more !== undefined) return undefined
  return { traceId, spanId, sampled: (parseInt(flags, 16) & 1) === 1 }
}

/** `TRACE_ID/SPAN_ID;o=OPTIONS`: its span is a decimal number, where a log wants hex digits. */
function readCloudTrace(value: string): Trace | undefined {
  const [, id = '', span, options] =
    /^([0-9a-f]{32})(?:\/(\d{1,20}))?(?:;o=(\d))?$/i.exec(value) ?? []
  if (isNothing(id)) return undefined
  const number = BigInt(span ?? 0)
  const isSpan = number > 0n && number <= maxSpan
  return {
    traceId: id.toLowerCase(),
    ...(isSpan ? { spanId: number.toString(16).padStart(16, '0') } : {}),
    ...(options === undefined ? {} : { sampled: options === '1' }),
  }
}

function isNothing(digits: string): boolean {
  return /^0*$/.test(digits)
}
