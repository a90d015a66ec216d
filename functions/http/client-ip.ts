/** Client addresses and their networks. */
import type { IncomingMessage } from 'node:http'

/** Returns the client's IP address; an empty string if the connection is closed. */
export type ClientIp = (req: IncomingMessage) => string

/**
 * Reads the client address from `X-Forwarded-For`. Each proxy appends the address of its client; all
 * entries before those may be forged.
 *
 * @param hops number of proxies in front of the gateway; 0 ignores the header
 */
export function createClientIp(hops: number): ClientIp {
  return (req) => {
    const direct = req.socket.remoteAddress ?? ''
    if (hops === 0) return direct
    const entries = String(req.headers['x-forwarded-for'] ?? '').split(',')
    const entry = entries.at(-hops)?.trim() ?? ''
    return /^[\da-f.:]{2,45}$/i.test(entry) ? entry : direct
  }
}

/** The network of one household or host: an IPv4 address, or the first 64 bits of an IPv6 address. */
export function networkPrefix(address: string): string {
  const mapped = /^::ffff:([\d.]+)$/i.exec(address)?.[1]
  if (mapped !== undefined || !address.includes(':')) return mapped ?? address
  const [head = '', tail] = address.toLowerCase().split('::', 2)
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length)
  const groups = [...before, ...Array.from({ length: zeros }, () => '0'), ...after]
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')
}
