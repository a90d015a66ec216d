/**
 * What lies between Hosting and a function: two front ends with limits of their own. An answer
 * is passed on when it is whole, a request as it comes.
 *
 * @see Firebase Hosting, "Serve dynamic content" and "Manage cache behavior"; "Cloud Run quotas"
 */
import { request } from 'node:http'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { Upstream } from './hosting.ts'

export interface ProxyOptions {
  /** Milliseconds that a function has for all of an answer, whatever its own timeout. */
  responseTimeoutMs?: number
  /** Bytes that an HTTP/1 request may have. */
  maxRequestBytes?: number
}

/** RFC 9110 section 7.6.1: what is said to the next one on the line only. */
const hopByHop = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'te'])

/** @param originOf the address of a function or service, `http://host:port` */
export function createProxy(
  originOf: (name: string) => string,
  {
    responseTimeoutMs: answerMs = 60_000,
    maxRequestBytes: requestBytes = 32 * 1024 * 1024,
  }: ProxyOptions = {},
): Upstream {
  return (name, req, res) => {
    let left = requestBytes
    const tooLarge = (): void => {
      req.unpipe(onward).resume()
      onward.destroy()
      refuse(res, 413, 'Request Entity Too Large')
    }
    const { method = 'GET', url = '/', headers } = req
    const onward = request(new URL(originOf(name)), {
      method,
      path: url,
      headers: {
        ...withoutHops(headers),
        ...(headers['transfer-encoding'] ? { 'transfer-encoding': 'chunked' } : {}),
        'x-forwarded-host': headers.host,
        'x-forwarded-proto': 'https',
      },
      agent: false,
    })
    const clock = setTimeout(() => {
      refuse(res, 504, 'upstream request timeout')
      onward.destroy()
    }, answerMs)
    onward.on('error', () => refuse(res, 502, 'Bad Gateway'))
    onward.on('response', (answer) => {
      readWhole(answer)
        .then((body) => send(res, answer, body))
        .catch(() => refuse(res, 502, 'Bad Gateway'))
    })
    res.once('close', () => {
      clearTimeout(clock)
      req.unpipe(onward).resume() // of an early answer, the rest of the question
      onward.destroy()
    })
    if (Number(headers['content-length'] ?? 0) > requestBytes) return tooLarge()
    req.on('data', (chunk: Buffer) => {
      left -= chunk.length
      if (left < 0) tooLarge()
    })
    req.pipe(onward)
  }
}

async function readWhole(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of answer) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

function send(res: ServerResponse, answer: IncomingMessage, body: Buffer): void {
  if (res.headersSent || res.destroyed) return
  const headers = withoutHops(answer.headers)
  const { 'cache-control': cache = '', vary = '' } = answer.headers
  // What anybody may be given from the cache has nobody's cookie with it.
  if (/\bpublic\b|s-maxage/.test(cache)) delete headers['set-cookie']
  const varies = ['Accept-Encoding', 'Authorization', 'Cookie']
  const own = vary.split(',').map((name) => name.trim())
  headers.vary = [...new Set([...own.filter((name) => name !== ''), ...varies])].join(', ')
  const bodiless = answer.statusCode === 204 || answer.statusCode === 304
  if (!bodiless && !('content-length' in headers)) headers['content-length'] = String(body.length)
  res.writeHead(answer.statusCode ?? 502, headers).end(body)
}

/** A front end's own words: none of our headers, none of our shape of errors. */
function refuse(res: ServerResponse, status: number, words: string): void {
  if (res.headersSent || res.destroyed) return
  for (const name of res.getHeaderNames()) res.removeHeader(name)
  res.writeHead(status, { 'Content-Type': 'text/html; charset=UTF-8', Connection: 'close' })
  res.end(`<html><title>${status} ${words}</title><h1>${words}</h1></html>\n`)
}

function withoutHops(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !hopByHop.has(name)))
}
