/**
 * Emulates the front ends between Firebase Hosting and a function, with their limits. Requests are
 * streamed, responses are buffered.
 *
 * @see Firebase Hosting, "Serve dynamic content" and "Manage cache behavior"; "Cloud Run quotas"
 */
import { request } from 'node:http'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { Upstream } from './hosting.ts'

export interface ProxyOptions {
  /** Timeout for the complete response, in milliseconds; independent of the function's own. */
  responseTimeoutMs?: number
  /** Maximum size of an HTTP/1 request, in bytes. */
  maxRequestBytes?: number
}

/** Hop-by-hop headers (RFC 9110 §7.6.1). */
const hopByHop = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'te'])

/** @param originOf returns the origin of a function or service, `http://host:port` */
export function createProxy(
  originOf: (name: string) => string,
  { responseTimeoutMs = 60_000, maxRequestBytes = 32 * 1024 * 1024 }: ProxyOptions = {},
): Upstream {
  return (name, req, res) => {
    let remainingBytes = maxRequestBytes
    const tooLarge = (): void => {
      req.unpipe(proxied).resume()
      proxied.destroy()
      sendError(res, 413, 'Request Entity Too Large')
    }
    const { method = 'GET', url = '/', headers } = req
    const proxied = request(new URL(originOf(name)), {
      method,
      path: url,
      headers: {
        ...withoutHopByHop(headers),
        ...(headers['transfer-encoding'] ? { 'transfer-encoding': 'chunked' } : {}),
        'x-forwarded-host': headers.host,
        'x-forwarded-proto': 'https',
      },
      agent: false,
    })
    const timeout = setTimeout(() => {
      sendError(res, 504, 'upstream request timeout')
      proxied.destroy()
    }, responseTimeoutMs)
    proxied.on('error', () => sendError(res, 502, 'Bad Gateway'))
    proxied.on('response', (response) => {
      readBody(response)
        .then((body) => send(res, response, body))
        .catch(() => sendError(res, 502, 'Bad Gateway'))
    })
    res.once('close', () => {
      clearTimeout(timeout)
      req.unpipe(proxied).resume() // the response was early: discard the rest of the body
      proxied.destroy()
    })
    if (Number(headers['content-length'] ?? 0) > maxRequestBytes) return tooLarge()
    req.on('data', (chunk: Buffer) => {
      remainingBytes -= chunk.length
      if (remainingBytes < 0) tooLarge()
    })
    req.pipe(proxied)
  }
}

async function readBody(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

function send(res: ServerResponse, response: IncomingMessage, body: Buffer): void {
  if (res.headersSent || res.destroyed) return
  const headers = withoutHopByHop(response.headers)
  const { 'cache-control': cache = '', vary = '' } = response.headers
  // A response that is cached for everyone must not set a cookie.
  if (/\bpublic\b|s-maxage/.test(cache)) delete headers['set-cookie']
  const varies = ['Accept-Encoding', 'Authorization', 'Cookie']
  const own = vary.split(',').map((name) => name.trim())
  headers.vary = [...new Set([...own.filter((name) => name !== ''), ...varies])].join(', ')
  const bodiless = response.statusCode === 204 || response.statusCode === 304
  if (!bodiless && !('content-length' in headers)) headers['content-length'] = String(body.length)
  res.writeHead(response.statusCode ?? 502, headers).end(body)
}

/** Sends an error like a front end: without the gateway's headers and its error format. */
function sendError(res: ServerResponse, status: number, text: string): void {
  if (res.headersSent || res.destroyed) return
  for (const name of res.getHeaderNames()) res.removeHeader(name)
  res.writeHead(status, { 'Content-Type': 'text/html; charset=UTF-8', Connection: 'close' })
  res.end(`<html><title>${status} ${text}</title><h1>${text}</h1></html>\n`)
}

function withoutHopByHop(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !hopByHop.has(name)))
}
