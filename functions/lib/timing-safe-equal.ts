import { timingSafeEqual } from 'node:crypto'

/** Compares two secrets or hashes in constant time; strings of different lengths differ. */
export function isEqualTimingSafe(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))
}
