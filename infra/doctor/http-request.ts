/** HTTP client that follows no redirect and reads a response that arrives before the request has ended. */
import { request as requestHttp } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import { request as requestHttps } from 'node:https'

export interface HttpResponse {
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
}

export interface HttpRequest {
  method?: string
  headers?: Record<string, string>
  body?: Buffer | string
  /** Maximum time without traffic in either direction, in milliseconds; 60,000 by default. */
  idleTimeoutMs?: number
}

/** Maximum size of a response body; larger than any that the checks request. */
const maxBytes = 64 * 1024 * 1024

/**
 * Sends a request and reads the whole response.
 *
 * @throws {Error} with Node's `code` when the response is missing or incomplete
 */
export function sendRequest(url: string, options: HttpRequest = {}): Promise<HttpResponse> {
  const { method = 'GET', headers = {}, body = '', idleTimeoutMs = 60_000 } = options
  const request = url.startsWith('https:') ? requestHttps : requestHttp
  return new Promise((resolve, reject) => {
    const length = method === 'GET' ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    const allHeaders = { 'user-agent': 'driveway-doctor', ...length, ...headers }
    const req = request(url, { method, headers: allHeaders, agent: false }, (res) => {
      const parts: Buffer[] = []
      let size = 0
      res.on('data', (part: Buffer) => {
        size += part.length
        if (size > maxBytes) req.destroy(new Error(`The response is larger than ${maxBytes} bytes`))
        parts.push(part)
      })
      res.on('error', reject)
      res.on('end', () =>
        resolve({
          status: res.statusCode ?? 0,
          headers: res.headers,
          body: Buffer.concat(parts),
        }),
      )
    })
    req.setTimeout(idleTimeoutMs, () =>
      req.destroy(new Error(`No response within ${idleTimeoutMs / 1000} s`)),
    )
    // A server may respond early and close: an available response wins over the EPIPE.
    req.on('error', (error) => setImmediate(() => reject(error)))
    req.end(body)
  })
}

/** Parses the body as a JSON object; returns `{}` when it is not JSON. */
export function parseJson({ body }: Pick<HttpResponse, 'body'>): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    return { ...Object(value) }
  } catch {
    return {}
  }
}

/** Returns the `code` of a problem response, or `undefined` when the response is not Driveway's. */
export function problemCode(response: Pick<HttpResponse, 'body'>): string | undefined {
  const { code } = parseJson(response)
  return typeof code === 'string' ? code : undefined
}
