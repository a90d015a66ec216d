/** One HTTP request as it is: no redirect followed, and an answer heard also while still sending. */
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
  /** Milliseconds without a byte either way. */
  silence?: number
}

/** More than anything that is asked for here. */
const maxBytes = 64 * 1024 * 1024

/** @throws {Error} with Node's `code` where no whole answer comes */
export function sendRequest(address: string, question: HttpRequest = {}): Promise<HttpResponse> {
  const { method = 'GET', headers = {}, body = '', silence = 60_000 } = question
  const request = address.startsWith('https:') ? requestHttps : requestHttp
  return new Promise((resolve, reject) => {
    const length = method === 'GET' ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    const all = { 'user-agent': 'driveway-doctor', ...length, ...headers }
    const sent = request(address, { method, headers: all, agent: false }, (answer) => {
      const parts: Buffer[] = []
      let size = 0
      answer.on('data', (part: Buffer) => {
        size += part.length
        if (size > maxBytes) sent.destroy(new Error('The answer goes on and on'))
        parts.push(part)
      })
      answer.on('error', reject)
      answer.on('end', () =>
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          body: Buffer.concat(parts),
        }),
      )
    })
    sent.setTimeout(silence, () => sent.destroy(new Error(`No answer in ${silence / 1000} s`)))
    // Who answers before the end of a body may close: what was heard counts, and not the broken pipe.
    sent.on('error', (error) => setImmediate(() => reject(error)))
    sent.end(body)
  })
}

/** The JSON object of an answer; an empty one where it is none. */
export function parseJson({ body }: Pick<HttpResponse, 'body'>): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    return { ...Object(value) }
  } catch {
    return {}
  }
}

/** The code of a problem answer; nothing where it is somebody else's. */
export function problemCode(answer: Pick<HttpResponse, 'body'>): string | undefined {
  const { code } = parseJson(answer)
  return typeof code === 'string' ? code : undefined
}
