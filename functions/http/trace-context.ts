/** The trace context of a request, from `traceparent` or `X-Cloud-Trace-Context`. */
import type { IncomingMessage } from 'node:http'

export interface TraceContext {
  /** 32 hex digits. */
  traceId: string
  /** The parent span, 16 hex digits; optional in `X-Cloud-Trace-Context`. */
  spanId?: string
  /** The sampling decision of the trace's origin; `undefined` if the header has none. */
  sampled?: boolean
}

const maxSpan = 2n ** 64n - 1n

/**
 * Parses `traceparent`, or `X-Cloud-Trace-Context` if `traceparent` is missing or malformed.
 *
 * @see W3C Trace Context, "traceparent Header Field Values"; Google Cloud, "Trace context"
 */
export function readTraceContext({
  headers,
}: Pick<IncomingMessage, 'headers'>): TraceContext | undefined {
  return (
    readTraceparent(String(headers['traceparent'] ?? '')) ??
    readCloudTrace(String(headers['x-cloud-trace-context'] ?? ''))
  )
}

function readTraceparent(value: string): TraceContext | undefined {
  // A later version may have more fields after the flags; version 00 may not, and ff is invalid.
  const [, version, traceId = '', spanId = '', flags = '', more] =
    /^(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/.exec(value) ?? []
  if (isAllZeros(traceId) || isAllZeros(spanId)) return undefined
  if (version === '00' && more !== undefined) return undefined
  return { traceId, spanId, sampled: (parseInt(flags, 16) & 1) === 1 }
}

/** `TRACE_ID/SPAN_ID;o=OPTIONS`. Its span ID is decimal; Cloud Logging needs hex digits. */
function readCloudTrace(value: string): TraceContext | undefined {
  const [, id = '', span, options] =
    /^([0-9a-f]{32})(?:\/(\d{1,20}))?(?:;o=(\d))?$/i.exec(value) ?? []
  if (isAllZeros(id)) return undefined
  const number = BigInt(span ?? 0)
  const isSpan = number > 0n && number <= maxSpan
  return {
    traceId: id.toLowerCase(),
    ...(isSpan ? { spanId: number.toString(16).padStart(16, '0') } : {}),
    ...(options === undefined ? {} : { sampled: options === '1' }),
  }
}

function isAllZeros(digits: string): boolean {
  return /^0*$/.test(digits)
}
