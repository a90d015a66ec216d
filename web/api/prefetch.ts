/**
 * What the first screen needs is asked for at once, before it is known who is looking: session and
 * files come back together, one round trip after the page.
 */
import { ask, isElsewhere } from './gateway-fetch.ts'

const known = 'driveway.known'
/** Elsewhere the credential is this tab's alone, and so is the memory of it. */
const memory = isElsewhere ? sessionStorage : localStorage
const asked = new Map<string, Promise<Response>>()

/** How the page asks for JSON. */
export const jsonRequest = {
  headers: { accept: 'application/json' },
  cache: 'no-store',
} as const satisfies RequestInit

export function askAhead(path: string): void {
  const response = ask(path, jsonRequest)
  response.catch(() => {}) // whoever takes it hears of it
  asked.set(path, response)
}

/** The answer to what was asked ahead, once. */
export function takeAhead(path: string): Promise<Response> | undefined {
  const response = asked.get(path)
  asked.delete(path)
  return response
}

/** Whether somebody was signed in here before: else nobody's files are asked for. */
export const isKnown = (): boolean => memory.getItem(known) !== null

export function beKnown(on: boolean): void {
  if (on) memory.setItem(known, '1')
  else memory.removeItem(known)
}
