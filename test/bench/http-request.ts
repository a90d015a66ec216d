/** HTTP client that streams generated bodies with backpressure. */
import { randomBytes } from 'node:crypto'
import { Agent, request } from 'node:http'
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'

export interface RequestOptions {
  method: string
  headers: OutgoingHttpHeaders
  /** The length of a body of random bytes. */
  bytes?: number
  body?: string
}

const data = randomBytes(1024 * 1024)
const agent = new Agent({ keepAlive: true })

/** @throws {Error} when the status is not below 300 */
export function sendRequest(
  url: string,
  { method, headers, bytes = 0, body = '' }: RequestOptions,
): Promise<{ headers: IncomingHttpHeaders; body: string }> {
  return new Promise((resolve, reject) => {
    const length = { 'content-length': bytes + Buffer.byteLength(body) }
    const req = request(url, { method, agent, headers: { ...headers, ...length } }, (res) => {
      let text = ''
      res.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      res.once('end', () => {
        if ((res.statusCode ?? 500) < 300) resolve({ headers: res.headers, body: text })
        else reject(new Error(`${method} returned ${res.statusCode}: ${text}`))
      })
    })
    req.once('error', reject)
    req.write(body)
    let remaining = bytes
    const send = (): void => {
      while (remaining > 0) {
        const next = data.subarray(0, remaining)
        remaining -= next.length
        if (!req.write(next)) return void req.once('drain', send)
      }
      req.end()
    }
    send()
  })
}
