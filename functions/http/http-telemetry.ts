/** Metrics and spans of HTTP requests and uploads. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Attributes, Telemetry } from '../telemetry/metrics.ts'
import type { Handler } from './router.ts'
import type { Fields, Log, Severity } from './log.ts'
import { readTraceContext } from './trace-context.ts'

/** HTTP/2 accepts any word as a method. */
const knownMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/**
 * Measures the duration of requests and creates a span for each.
 *
 * @param name the function's name; empty for unknown paths
 */
export function instrumentHandler(name: string, handler: Handler, telemetry: Telemetry): Handler {
  return (req, res) => {
    const attributes = {
      'driveway.function': name || 'none',
      'http.request.method': knownMethods.has(req.method ?? '') ? String(req.method) : '_OTHER',
    }
    const span = {
      kind: 'server' as const,
      name: `${attributes['http.request.method']} /${name}`,
      attributes,
      parent: readTraceContext(req),
    }
    return telemetry.span(span, async (addAttributes) => {
      const startedAt = performance.now()
      await handler(req, res)
      const result = responseAttributes(res)
      addAttributes(result)
      const seconds = (performance.now() - startedAt) / 1000
      telemetry.measure('http.server.request.duration', seconds, { ...attributes, ...result })
    })
  }
}

function responseAttributes(res: ServerResponse): Attributes {
  if (!res.writableEnded) return { 'error.type': 'aborted' }
  const { statusCode: status } = res
  return {
    'http.response.status_code': status,
    ...(status >= 500 ? { 'error.type': String(status) } : {}),
  }
}

/** Counts uploads from the audit trail, which has one event for each stored file. */
export function countUploads(log: Log, telemetry: Telemetry): Log {
  const countAndLog = (severity: Severity, event: string, fields?: Fields): void => {
    if (event === 'upload' && fields?.['audit'] === true) {
      const attributes = { 'driveway.upload.method': String(fields['method']) }
      telemetry.count('driveway.uploads', 1, attributes)
      telemetry.count('driveway.uploaded_bytes', Number(fields['bytes']), attributes)
    }
    log(severity, event, fields)
  }
  return Object.assign(countAndLog, {
    failure: (event: string, error: unknown, fields?: Fields) => log.failure(event, error, fields),
    forRequest: (req: IncomingMessage, requestId: string) =>
      countUploads(log.forRequest(req, requestId), telemetry),
  })
}
