/** Structured log: one JSON line per event in the format of Cloud Logging, without secrets. */
import type { IncomingMessage } from 'node:http'
import { GatewayError } from '../errors.ts'
import { readTraceContext } from './trace-context.ts'

export type Severity = 'INFO' | 'NOTICE' | 'WARNING' | 'ERROR'

/** The fields of an event: primitive values only. */
export type Fields = Record<string, string | number | boolean | null | undefined>

export interface Log {
  (severity: Severity, event: string, fields?: Fields): void
  /** Logs an error. Only an internal error has severity ERROR and a stack trace. */
  failure(event: string, error: unknown, fields?: Fields): void
  /** Returns a log whose lines carry the ID and the trace of a request. */
  forRequest(req: IncomingMessage, requestId: string): Log
}

/** Service and version in Error Reporting. */
export interface Service {
  service: string
  version?: string
}

/**
 * @param output receives one line, including its newline
 * @param common fields of every line
 * @see Google Cloud Logging, "Structured logging"
 */
export function createLog(
  projectId: string,
  output: (line: string) => void = (line) => process.stdout.write(line),
  common: Record<string, string | boolean | number> = {},
  service: Service = { service: 'driveway' },
  httpRequest?: Record<string, string>,
): Log {
  const write = (severity: Severity, event: string, fields: Fields = {}): void => {
    const report = severity === 'ERROR' ? errorReport(event, fields, service, httpRequest) : {}
    output(`${serialize({ severity, message: event, ...fields, ...common, ...report })}\n`)
  }
  return Object.assign(write, {
    failure(event: string, error: unknown, fields: Fields = {}) {
      const isExpected = error instanceof GatewayError && error.code !== 'internal'
      const severity = !isExpected ? 'ERROR' : error.status >= 500 ? 'WARNING' : 'NOTICE'
      write(severity, event, { ...fields, ...errorFields(error, !isExpected) })
    },
    forRequest: (req: IncomingMessage, requestId: string) =>
      createLog(
        projectId,
        output,
        { ...common, requestId, ...forwardedHopCount(req), ...traceFields(req, projectId) },
        service,
        httpRequestField(req),
      ),
  })
}

const reportedErrorEvent =
  'type.googleapis.com/google.devtools.clouderrorreporting.v1beta1.ReportedErrorEvent'

/**
 * The fields by which Error Reporting recognizes an error. It groups errors without a stack trace by
 * their event.
 *
 * @see Google Cloud Error Reporting, "Format errors in logs"
 */
function errorReport(
  event: string,
  { stack_trace: stack }: Fields,
  serviceContext: Service,
  httpRequest: Record<string, string> | undefined,
): object {
  const context = {
    ...(httpRequest === undefined ? {} : { httpRequest }),
    ...(stack === undefined ? { reportLocation: { functionName: event } } : {}),
  }
  return { '@type': reportedErrorEvent, serviceContext, context }
}

/** The number of addresses in `X-Forwarded-For`: it shows through how many proxies a request came. */
function forwardedHopCount({ headers }: IncomingMessage): { forwardedFor?: number } {
  const chain = headers['x-forwarded-for']
  return chain === undefined ? {} : { forwardedFor: String(chain).split(',').length }
}

/**
 * The request for Error Reporting. Its URL is the function's path only: the rest has file names and
 * sealed values, and the query has search terms or an authorization code.
 */
function httpRequestField({
  method = '',
  url = '',
  headers,
}: IncomingMessage): Record<string, string> {
  const [path = '/'] = /^\/[a-z]*(?=[/?#]|$)/.exec(url) ?? []
  const userAgent = headers['user-agent']?.slice(0, 200)
  return { method, url: path, ...(userAgent === undefined ? {} : { userAgent }) }
}

/**
 * The fields of an error. Errors of client libraries contain whole requests with their headers, so only
 * names, codes and (for unexpected errors) the stack trace are logged.
 */
function errorFields(error: unknown, withStack: boolean): Fields {
  if (error instanceof GatewayError) {
    const { cause } = error
    return {
      code: error.code,
      reason: error.message,
      ...(cause === undefined ? {} : { cause: errorSummary(cause) }),
      ...(withStack ? { stack_trace: errorStack(cause ?? error) } : {}),
    }
  }
  return { code: 'internal', reason: errorSummary(error), stack_trace: errorStack(error) }
}

function errorSummary(error: unknown): string {
  if (error instanceof GatewayError) return `${error.code}: ${error.message}`
  if (!(error instanceof Error)) return typeof error
  const { code, status } = error as { code?: unknown; status?: unknown }
  const details = [code, status].filter(
    (detail) => typeof detail === 'string' || typeof detail === 'number',
  )
  return [error.name, ...details].join(' ')
}

function errorStack(error: unknown): string | undefined {
  return error instanceof Error ? error.stack : undefined
}

/** @see Google Cloud Logging, "Link log entries with traces" */
function traceFields(req: IncomingMessage, projectId: string): Record<string, string | boolean> {
  const trace = readTraceContext(req)
  if (!trace) return {}
  const { traceId, spanId, sampled } = trace
  return {
    'logging.googleapis.com/trace': `projects/${projectId}/traces/${traceId}`,
    ...(spanId === undefined ? {} : { 'logging.googleapis.com/spanId': spanId }),
    ...(sampled === undefined ? {} : { 'logging.googleapis.com/trace_sampled': sampled }),
  }
}

/** The patterns of all secrets that the gateway handles. A match is redacted in every line. */
const secrets = new RegExp(
  [
    'ya29\\.[\\w.-]+', // access token
    '1//[\\w-]+', // refresh token
    '4/0[\\w-]+', // authorization code
    'GOCSPX-[\\w-]+', // client secret
    'dwd?_[\\w-]+', // Driveway tokens and device codes
    'eyJ[\\w-]*\\.[\\w-]*\\.[\\w.-]*', // JWT, JWE
    'upload_id=[^&\\s"]+', // Drive session URI
  ].join('|'),
  'g',
)

/** JSON allows some characters that end a line or control a terminal. */
function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

function serialize(entry: object): string {
  return JSON.stringify(entry)
    .replace(secrets, '[secret]')
    .replace(/[\x7f-\x9f\u2028\u2029]/g, escapeCharacter)
}
