/** Errors as answers: `application/problem+json` (RFC 9457), or a page where a person is looking. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { GatewayError, problems } from '../errors.ts'
import { problemPage, problemPagePolicy } from './problem-page.ts'

/** Makes sure that everything thrown has a code; what has none is our own fault. */
export function toGatewayError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error
  return new GatewayError('internal', 'Unexpected error', { cause: error })
}

/** The answer's head and body for an error; `page` when the caller is a person in a browser. */
export function problemAnswer(
  error: GatewayError,
  requestId: string,
  page: boolean,
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
  if (page) {
    headers['content-type'] = 'text/html; charset=utf-8'
    headers['content-security-policy'] = problemPagePolicy
    return {
      status,
      headers,
      body: problemPage({ title, detail: error.detail, link: error.link, requestId }),
    }
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

/** Whether the answer is shown to a person: a browser's navigation asks for HTML. */
export function wantsPage(req: IncomingMessage): boolean {
  return (req.headers.accept ?? '').includes('text/html')
}

/** Answers with JSON, and nothing in it is ever cached. */
export function sendJson(res: ServerResponse, status: number, body: unknown): void {
  const text = Buffer.from(`${JSON.stringify(body)}\n`)
  res.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': text.length,
  })
  res.end(text)
}
