/** JSON lines in Cloud Logging's shape: one event a line, and never a secret in it. */
import type { IncomingMessage } from 'node:http'
import { GatewayError } from '../errors.ts'
import { readTrace } from './trace-context.ts'

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

/** What runs here, as Error Reporting tells services and their versions apart. */
export interface Service {
  service: string
  version?: string
}

/**
 * @param write takes one line, its newline included
 * @param common is in every line
 * @see Google Cloud Logging, "Structured logging"
 */
export function createLog(
  projectId: string,
  write: (line: string) => void = (line) => process.stdout.write(line),
  common: Record<string, string | boolean | number> = {},
  service: Service = { service: 'driveway' },
  httpRequest?: Record<string, string>,
): Log {
  const put = (severity: Severity, event: string, fields: Fields = {}): void => {
    const report = severity === 'ERROR' ? reportOf(event, fields, service, httpRequest) : {}
    write(`${oneLine({ severity, message: event, ...fields, ...common, ...report })}\n`)
  }
  return Object.assign(put, {
    failure(event: string, error: unknown, fields: Fields = {}) {
      const expected = error instanceof GatewayError && error.code !== 'internal'
      const severity = !expected ? 'ERROR' : error.status >= 500 ? 'WARNING' : 'NOTICE'
      put(severity, event, { ...fields, ...describe(error, !expected) })
    },
    of: (req: IncomingMessage, requestId: string) =>
      createLog(
        projectId,
        write,
        { ...common, requestId, ...forwarded(req), ...traceFields(req, projectId) },
        service,
        describeRequest(req),
      ),
  })
}

const reportedErrorEvent =
  'type.googleapis.com/google.devtools.clouderrorreporting.v1beta1.ReportedErrorEvent'

/**
 * What makes a line an error in Error Reporting. Errors that have no stack are told apart by their
 * event.
 *
 * @see Google Cloud Error Reporting, "Format errors in logs"
 */
function reportOf(
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

/** How many addresses `X-Forwarded-For` has, which `FORWARDED_HOPS` is found by, and none of them. */
function forwarded({ headers }: IncomingMessage): { forwardedFor?: number } {
  const chain = headers['x-forwarded-for']
  return chain === undefined ? {} : { forwardedFor: String(chain).split(',').length }
}

/**
 * The function alone of the address: behind it are names of files and sealed uploads, and a query
 * has what a person searched for, or the code of a sign-in.
 */
function describeRequest({
  method = '',
  url = '',
  headers,
}: IncomingMessage): Record<string, string> {
  const [path = '/'] = /^\/[a-z]*(?=[/?#]|$)/.exec(url) ?? []
  const userAgent = headers['user-agent']?.slice(0, 200)
  return { method, url: path, ...(userAgent === undefined ? {} : { userAgent }) }
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

/** @see Google Cloud Logging, "Link log entries with traces" */
function traceFields(req: IncomingMessage, projectId: string): Record<string, string | boolean> {
  const trace = readTrace(req)
  if (!trace) return {}
  const { traceId, spanId, sampled } = trace
  return {
    'logging.googleapis.com/trace': `projects/${projectId}/traces/${traceId}`,
    ...(spanId === undefined ? {} : { 'logging.googleapis.com/spanId': spanId }),
    ...(sampled === undefined ? {} : { 'logging.googleapis.com/trace_sampled': sampled }),
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
