/** Where a request comes from, as it is shown to the owner of an account. */
import type { IncomingMessage } from 'node:http'
import type { ClientIp } from './client-ip.ts'

export interface ClientOrigin {
  /** IP address. */
  address: string
  /** One line of untrusted text. */
  userAgent: string
}

export function readClientOrigin(req: IncomingMessage, clientIp: ClientIp): ClientOrigin {
  return { address: clientIp(req), userAgent: toSafeLine(req.headers['user-agent'] ?? '') }
}

/** Reduces untrusted text to one line of at most 200 visible characters. */
function toSafeLine(text: string): string {
  const line = text.replaceAll(/[\p{C}\p{Z}]+/gu, ' ').trim()
  return Array.from(line).slice(0, 200).join('')
}
