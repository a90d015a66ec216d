/** Requests and what they store, counted and timed. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Attributes, Telemetry } from '../telemetry/metrics.ts'
import type { Handler } from './router.ts'
import type { Fields, Log, Severity } from './log.ts'
import { readTrace } from './trace-context.ts'

/** Over HTTP/2 a method can be any word. */
const known = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** @param name the function's; nothing for what no function answers */
export function observed(name: string, handler: Handler, telemetry: Telemetry): Handler {
  return (req, res) => {
    const attributes = {
      'driveway.function': name || 'none',
      'http.request.method': known.has(req.method ?? '') ? String(req.method) : '_OTHER',
    }
    const terms = {
      kind: 'server' as const,
      name: `${attributes['http.request.method']} /${name}`,
      attributes,
      parent: readTrace(req),
    }
    return telemetry.span(terms, async (note) => {
      const since = performance.now()
      await handler(req, res)
      const outcome = outcomeOf(res)
      note(outcome)
      const seconds = (performance.now() - since) / 1000
      telemetry.measure('http.server.request.duration', seconds, { ...attributes, ...outcome })
    })
  }
}

function outcomeOf(res: ServerResponse): Attributes {
  if (!res.writableEnded) return { 'error.type': 'broken off' }
  const { statusCode: status } = res
  return {
    'http.response.status_code': status,
    ...(status >= 500 ? { 'error.type': String(status) } : {}),
  }
}

/** The audit trail knows each file that was stored, whichever way it came: it is counted there. */
export function countUploads(log: Log, telemetry: Telemetry): Log {
  const put = (severity: Severity, event: string, fields?: Fields): void => {
    if (event === 'upload' && fields?.['audit'] === true) {
      const attributes = { 'driveway.way': String(fields['way']) }
      telemetry.count('driveway.uploads', 1, attributes)
      telemetry.count('driveway.uploaded', Number(fields['bytes']), attributes)
    }
    log(severity, event, fields)
  }
  return Object.assign(put, {
    failure: (event: string, error: unknown, fields?: Fields) => log.failure(event, error, fields),
    of: (req: IncomingMessage, requestId: string) =>
      countUploads(log.of(req, requestId), telemetry),
  })
}
