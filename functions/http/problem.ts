/** Error responses: `application/problem+json` (RFC 9457), or an HTML page for browsers. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { GatewayError, problems } from '../errors.ts'
import { problemPage, problemPagePolicy } from './problem-page.ts'

/** Wraps an error without a code as `internal`. */
export function toGatewayError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error
  return new GatewayError('internal', 'An unexpected error was thrown', { cause: error })
}

/** @param asPage whether the response is an HTML page */
export function problemResponse(
  error: GatewayError,
  requestId: string,
  asPage: boolean,
): { status: number; headers: Record<string, string>; body: string } {
  const [status, title, retryable] = problems[error.code]
  const headers: Record<string, string> = { ...error.headers }
  if (error.retryAfterSeconds !== undefined || status === 503) {
    headers['retry-after'] = String(error.retryAfterSeconds ?? 5)
  }
  if (status === 401) {
    const reason = error.code === 'login_required' ? '' : ', error="invalid_token"'
    headers['www-authenticate'] = `Bearer realm="driveway"${reason}`
  }
  if (asPage) {
    headers['content-type'] = 'text/html; charset=utf-8'
    headers['content-security-policy'] = problemPagePolicy
    headers['cross-origin-opener-policy'] = 'same-origin'
    const { detail, link, externalUrl } = error
    return { status, headers, body: problemPage({ title, detail, link, externalUrl, requestId }) }
  }
  headers['content-type'] = 'application/problem+json'
  const body = JSON.stringify({
    type: `urn:driveway:${error.code}`,
    title,
    status,
    ...(error.detail === undefined ? {} : { detail: error.detail }),
    ...(error.link === undefined ? {} : { link: error.link }),
    code: error.code,
    ...(error.error === undefined ? {} : { error: error.error }),
    requestId,
    retryable,
  })
  return { status, headers, body: `${body}\n` }
}

/** Whether the request is a browser's navigation, which accepts HTML. */
export function acceptsHtml(req: IncomingMessage): boolean {
  return (req.headers.accept ?? '').includes('text/html')
}

/** Sends a JSON response. */
export function sendJson(res: ServerResponse, status: number, body: unknown): void {
  const text = Buffer.from(`${JSON.stringify(body)}\n`)
  res.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': text.length,
  })
  res.end(text)
}
