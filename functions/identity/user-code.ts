/** The code that a person reads at one screen and types at another. */
import { randomInt } from 'node:crypto'

/** No vowels, so that no words come about, and nothing that looks like something else. */
const letters = 'BCDFGHJKLMNPQRSTVWXZ'
const length = 8

/**
 * Eight letters, 34 bits.
 *
 * @see RFC 8628 section 6.1
 */
export function newUserCode(): string {
  return Array.from({ length }, () => letters[randomInt(letters.length)]).join('')
}

/** As it is shown: `BCDF-GHJK`. */
export function writeUserCode(code: string): string {
  return `${code.slice(0, 4)}-${code.slice(4)}`
}

/** @returns the letters alone, in upper case; nothing when they are no code */
export function readUserCode(text: string): string | undefined {
  const code = text.replace(/[-\s]/g, '').toUpperCase()
  return /^[BCDFGHJKLMNPQRSTVWXZ]{8}$/.test(code) ? code : undefined
}
