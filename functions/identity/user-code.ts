/** User codes: shown by a terminal and typed into a page. */
import { randomInt } from 'node:crypto'

/** No vowels, so that no words result, and no letters that look like others. */
const alphabet = 'BCDFGHJKLMNPQRSTVWXZ'
const length = 8

/**
 * Generates eight letters, 34 random bits.
 *
 * @see RFC 8628 section 6.1
 */
export function generateUserCode(): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('')
}

/** Formats a code for display: `BCDF-GHJK`. */
export function formatUserCode(code: string): string {
  return `${code.slice(0, 4)}-${code.slice(4)}`
}

/** @returns the letters in upper case without separators, or `undefined` for an invalid code */
export function parseUserCode(text: string): string | undefined {
  const code = text.replace(/[-\s]/g, '').toUpperCase()
  return /^[BCDFGHJKLMNPQRSTVWXZ]{8}$/.test(code) ? code : undefined
}
