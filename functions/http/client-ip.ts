/** Client addresses and their networks. */
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import type { BlockList } from 'node:net'

/** Where a request came from. */
export interface ClientAddress {
  /** The client's IP address; an empty string if the connection is closed. */
  client: string
  /** The proxy that sent the request to the platform; `undefined` when the client did. */
  proxy: string | undefined
}

export type ReadClientAddress = (req: IncomingMessage) => ClientAddress

/** Returns the client's IP address; an empty string if the connection is closed. */
export type ClientIp = (req: IncomingMessage) => string

/** More entries are forged. */
const maxForwarders = 16

/**
 * Reads the client address from `X-Forwarded-For`. Each proxy appends the address of its client, so the
 * entries are trusted from the right as long as their sender is a trusted proxy. The first address that
 * is none is the client; it may have forged all entries before its own.
 *
 * When only proxies are listed, Fastly's own header has the client. It counts behind a trusted proxy
 * only, since every client can send it.
 *
 * @param trusted networks of the proxies
 */
export function createClientAddress(trusted: BlockList): ReadClientAddress {
  const isTrusted = (address: string): boolean => isTrustedAddress(trusted, address)

  return ({ headers, socket }) => {
    const direct = plainAddress(socket.remoteAddress ?? '')
    if (isIP(direct) === 0 || !isTrusted(direct)) return { client: direct, proxy: undefined }
    const forwarded = String(headers['x-forwarded-for'] ?? '')
      .split(',')
      .slice(-maxForwarders)
      .map((entry) => plainAddress(entry.trim()))
    const sender = forwarded.at(-1) ?? ''
    if (isIP(sender) === 0) return { client: direct, proxy: undefined }
    if (!isTrusted(sender)) return { client: sender, proxy: undefined }
    let client = sender
    for (const entry of forwarded.slice(0, -1).toReversed()) {
      if (isIP(entry) === 0 || !isTrusted(client)) break
      client = entry
    }
    const fastly = plainAddress(String(headers['fastly-client-ip'] ?? ''))
    if (isTrusted(client) && isIP(fastly) !== 0) client = fastly
    return { client, proxy: client === sender ? undefined : sender }
  }
}

/** Whether an address is in one of the networks. */
export function isTrustedAddress(trusted: BlockList, address: string): boolean {
  const plain = plainAddress(address)
  return isIP(plain) !== 0 && trusted.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4')
}

/** An IPv4 address that is mapped to IPv6, as IPv4. */
function plainAddress(address: string): string {
  return /^::ffff:([\d.]+)$/i.exec(address)?.[1] ?? address
}

/** The network of one household or host: an IPv4 address, or the first 64 bits of an IPv6 address. */
export function networkPrefix(address: string): string {
  const mapped = plainAddress(address)
  if (!mapped.includes(':')) return mapped
  const [head = '', tail] = mapped.toLowerCase().split('::', 2)
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length)
  const groups = [...before, ...Array.from({ length: zeros }, () => '0'), ...after]
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')
}
