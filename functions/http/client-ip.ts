/** Where a request comes from. */
import type { IncomingMessage } from 'node:http'

/** The caller's address; empty where the connection is gone already. */
export type AddressOf = (req: IncomingMessage) => string

/**
 * Each front end appends the address that it was called from to `X-Forwarded-For`: whatever stands
 * before those entries, the caller may have written.
 *
 * @param hops front ends between the caller and us; with none, the header is not looked at
 */
export function createAddressOf(hops: number): AddressOf {
  return (req) => {
    const direct = req.socket.remoteAddress ?? ''
    if (hops === 0) return direct
    const entries = String(req.headers['x-forwarded-for'] ?? '').split(',')
    const entry = entries.at(-hops)?.trim() ?? ''
    return /^[\da-f.:]{2,45}$/i.test(entry) ? entry : direct
  }
}

/** What a household or a machine has: the address in IPv4, the first 64 bits in IPv6. */
export function networkOf(address: string): string {
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
