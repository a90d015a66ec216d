/** One request, its body written as fast as it is taken. */
import { randomBytes } from 'node:crypto'
import { Agent, request } from 'node:http'
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'

export interface RequestOptions {
  method: string
  headers: OutgoingHttpHeaders
  /** A body of so many bytes of no meaning. */
  bytes?: number
  body?: string
}

const piece = randomBytes(1024 * 1024)
const agent = new Agent({ keepAlive: true })

/** @throws {Error} unless the answer is one of success */
export function sendRequest(
  url: string,
  { method, headers, bytes = 0, body = '' }: RequestOptions,
): Promise<{ headers: IncomingHttpHeaders; body: string }> {
  return new Promise((resolve, reject) => {
    const length = { 'content-length': bytes + Buffer.byteLength(body) }
    const req = request(url, { method, agent, headers: { ...headers, ...length } }, (res) => {
      let text = ''
      res.setEncoding('utf8').on('data', (more: string) => (text += more))
      res.once('end', () => {
        if ((res.statusCode ?? 500) < 300) resolve({ headers: res.headers, body: text })
        else reject(new Error(`${method} was answered with ${res.statusCode}: ${text}`))
      })
    })
    req.once('error', reject)
    req.write(body)
    let left = bytes
    const send = (): void => {
      while (left > 0) {
        const next = piece.subarray(0, left)
        left -= next.length
        if (!req.write(next)) return void req.once('drain', send)
      }
      req.end()
    }
    send()
  })
}
