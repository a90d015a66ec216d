/** Range requests (RFC 9110 section 14) and the condition `If-None-Match`. */
import type { IncomingMessage } from 'node:http'
import type { ByteRange } from '../drive/files/download.ts'
import { GatewayError } from '../errors.ts'

/**
 * Reads `Range` and `If-Range`. A malformed range, several ranges and a false condition select the
 * whole file, as RFC 9110 section 14.2 permits.
 *
 * @param size bytes of the file; an empty file has no range
 * @returns `undefined` for the whole file
 * @throws {GatewayError} `range_not_satisfiable`
 */
export function readRange(req: IncomingMessage, size: number, etag: string): ByteRange | undefined {
  const { range, 'if-range': condition } = req.headers
  if (req.method !== 'GET' || range === undefined) return undefined
  // Only a strong validator guarantees identical bytes; a date and a weak tag do not.
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
  return new GatewayError('range_not_satisfiable', `The range is outside of ${size} bytes`, {
    headers: { 'content-range': `bytes */${size}` },
  })
}

/** Whether `If-None-Match` contains the entity tag. @see RFC 9110 section 13.1.2 */
export function matchesIfNoneMatch(req: IncomingMessage, etag: string): boolean {
  const value = req.headers['if-none-match']
  if (value === undefined) return false
  if (value.trim() === '*') return true
  const tags = value.match(/(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g) ?? []
  return tags.some((tag) => opaqueTag(tag) === opaqueTag(etag))
}

function isWeak(etag: string): boolean {
  return etag.startsWith('W/')
}

function opaqueTag(etag: string): string {
  return etag.replace(/^W\//, '')
}
