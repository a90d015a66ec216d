/** JSON lines in Cloud Logging's shape: one event a line, and never a secret in it. */
import type { IncomingMessage } from 'node:http'
import { GatewayError } from '../errors.ts'

export type Severity = 'INFO' | 'NOTICE' | 'WARNING' | 'ERROR'

/** What an event may say about itself: plain values, named by us. */
export type Fields = Record<string, string | number | boolean | null | undefined>

export interface Log {
  (severity: Severity, event: string, fields?: Fields): void
  /** Logs what ended a request; only what is our own fault is an ERROR with a stack. */
  failure(event: string, error: unknown, fields?: Fields): void
  /** The same log, its lines joined to the trace of this request. */
  of(req: IncomingMessage, requestId: string): Log
}

/**
 * @param write takes one line, its newline included
 * @see Google Cloud Logging, "Structured logging"
 */
export function createLog(
  projectId: string,
  write: (line: string) => void = (line) => process.stdout.write(line),
  common: Record<string, string> = {},
): Log {
  const put = (severity: Severity, event: string, fields: Fields = {}): void =>
    write(`${oneLine({ severity, message: event, ...fields, ...common })}\n`)
  return Object.assign(put, {
    failure(event: string, error: unknown, fields: Fields = {}) {
      const expected = error instanceof GatewayError && error.code !== 'internal'
      const severity = !expected ? 'ERROR' : error.status >= 500 ? 'WARNING' : 'NOTICE'
      put(severity, event, { ...fields, ...describe(error, !expected) })
    },
    of: (req: IncomingMessage, requestId: string) =>
      createLog(projectId, write, { ...common, requestId, ...traceOf(req, projectId) }),
  })
}

/**
 * An error as fields. The errors of client libraries carry whole requests, headers and all, so
 * only names, codes and (for what nobody expected) the stack are taken.
 */
function describe(error: unknown, withStack: boolean): Fields {
  if (error instanceof GatewayError) {
    const { cause } = error
    return {
      code: error.code,
      reason: error.message,
      ...(cause === undefined ? {} : { cause: nameOf(cause) }),
      ...(withStack ? { stack_trace: stackOf(cause ?? error) } : {}),
    }
  }
  return { code: 'internal', reason: nameOf(error), stack_trace: stackOf(error) }
}

function nameOf(error: unknown): string {
  if (error instanceof GatewayError) return `${error.code}: ${error.message}`
  if (!(error instanceof Error)) return typeof error
  const { code, status } = error as { code?: unknown; status?: unknown }
  const known = [code, status].filter(
    (part) => typeof part === 'string' || typeof part === 'number',
  )
  return [error.name, ...known].join(' ')
}

function stackOf(error: unknown): string | undefined {
  return error instanceof Error ? error.stack : undefined
}

/** @see W3C Trace Context; Google Cloud, "Trace context" (the older header is the fallback) */
function traceOf(req: IncomingMessage, projectId: string): Record<string, string> {
  const parent = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/.exec(
    String(req.headers['traceparent'] ?? ''),
  )
  const older = /^([0-9a-f]{32})(?:\/\d+)?(?:;|$)/.exec(
    String(req.headers['x-cloud-trace-context'] ?? ''),
  )
  const trace = parent?.[1] ?? older?.[1]
  if (!trace) return {}
  return {
    'logging.googleapis.com/trace': `projects/${projectId}/traces/${trace}`,
    ...(parent?.[2] ? { 'logging.googleapis.com/spanId': parent[2] } : {}),
  }
}

/** The shapes of every secret that passes through here, should one slip into a line all the same. */
const secrets = new RegExp(
  [
    'ya29\\.[\\w.-]+', // access token
    '1//[\\w-]+', // refresh token
    '4/0[\\w-]+', // authorization code
    'GOCSPX-[\\w-]+', // client secret
    'dwd?_[\\w-]+', // our own tokens and device codes
    'eyJ[\\w-]*\\.[\\w-]*\\.[\\w.-]*', // JWT, JWE
    'upload_id=[^&\\s"]+', // Drive session URI
  ].join('|'),
  'g',
)

/** JSON lets some characters pass that end a line, or command a terminal. */
function escape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

function oneLine(entry: object): string {
  return JSON.stringify(entry)
    .replace(secrets, '[secret]')
    .replace(/[\x7f-\x9f\u2028\u2029]/g, escape)
}
