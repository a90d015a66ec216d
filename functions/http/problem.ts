/** Errors as answers: `application/problem+json` (RFC 9457), or a page where a person is looking. */
import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { GatewayError, problems } from '../errors.ts'

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
    headers['content-security-policy'] = pagePolicy
    return { status, headers, body: problemPage(title, error, requestId) }
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

const style = `
:root { color-scheme: light dark }
body { font: 1.0625rem/1.6 system-ui, sans-serif; max-width: 34rem; margin: 18vh auto 0; padding: 0 1.5rem }
h1 { font-size: 1.5rem; line-height: 1.3 }
small { opacity: .75 }`

const pagePolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
].join('; ')

/** A page made of our own words only: nothing of the request is repeated on it. */
function problemPage(title: string, { detail, link }: GatewayError, requestId: string): string {
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Driveway</title><style>${style}</style>
<main><h1>${title}</h1>${detail === undefined ? '' : `<p>${escapeHtml(detail)}</p>`}
<p><a href="${escapeHtml(link ?? '/auth')}">Sign in with Google</a> · <a href="/">Back to Driveway</a></p>
<p><small>Request ${requestId}</small></p></main></html>
`
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
