/** Which bytes of a file a request asks for (RFC 9110 section 14), and whether it has them already. */
import type { IncomingMessage } from 'node:http'
import type { Span } from '../drive/files/download.ts'
import { GatewayError } from '../errors.ts'

/**
 * Reads `Range` and `If-Range`. What cannot be read, several ranges at once, and a condition that
 * does not hold ask for the whole file, as the standard lets a server choose.
 *
 * @param size bytes; an empty file has no range, so it is always sent whole unless a byte is skipped
 * @returns nothing where the whole file is asked for
 * @throws {GatewayError} `range_not_satisfiable`
 */
export function readRange(req: IncomingMessage, size: number, etag: string): Span | undefined {
  const { range, 'if-range': condition } = req.headers
  if (req.method !== 'GET' || range === undefined) return undefined
  // A date is no proof that nothing changed, and neither is a weak tag.
  if (condition !== undefined && (condition !== etag || isWeak(etag))) return undefined
  const [, first = '', last = ''] = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(range) ?? []
  if (first === '' && last === '') return undefined
  if (first === '') {
    const length = Math.min(Number(last), size)
    if (Number(last) === 0) throw unsatisfiable(size)
    return length === 0 ? undefined : { start: size - length, end: size }
  }
  const start = Number(first)
  if (last !== '' && Number(last) < start) return undefined
  if (start === 0 && size === 0) return undefined
  if (start >= size) throw unsatisfiable(size)
  return { start, end: last === '' ? size : Math.min(Number(last) + 1, size) }
}

function unsatisfiable(size: number): GatewayError {
  return new GatewayError('range_not_satisfiable', `A range outside of ${size} bytes`, {
    headers: { 'content-range': `bytes */${size}` },
  })
}

/** Whether `If-None-Match` names what we would send (RFC 9110 section 13.1.2). */
export function isKnown(req: IncomingMessage, etag: string): boolean {
  const value = req.headers['if-none-match']
  if (value === undefined) return false
  if (value.trim() === '*') return true
  const tags = value.match(/(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g) ?? []
  return tags.some((tag) => opaque(tag) === opaque(etag))
}

function isWeak(etag: string): boolean {
  return etag.startsWith('W/')
}

function opaque(etag: string): string {
  return etag.replace(/^W\//, '')
}
