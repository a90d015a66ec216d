/**
 * Prefetches the requests of the first view. Session and files are requested in parallel, before the
 * session is known, so the list needs one round trip after the page.
 */
import { gatewayFetch, isCrossOrigin } from './gateway-fetch.ts'

const returningUserKey = 'driveway.returning-user'
/** A cross-origin credential belongs to one tab, and so does this flag. */
const storage = isCrossOrigin ? sessionStorage : localStorage
const prefetched = new Map<string, Promise<Response>>()

/** Options of a request for JSON. */
export const jsonRequest = {
  headers: { accept: 'application/json' },
  cache: 'no-store',
} as const satisfies RequestInit

export function prefetch(path: string): void {
  const response = gatewayFetch(path, jsonRequest)
  response.catch(() => {}) // takePrefetched() hands the error to its caller
  prefetched.set(path, response)
}

/** Returns a prefetched response once, and removes it. */
export function takePrefetched(path: string): Promise<Response> | undefined {
  const response = prefetched.get(path)
  prefetched.delete(path)
  return response
}

/** Whether this browser has signed in before. Files are prefetched only then. */
export const isReturningUser = (): boolean => storage.getItem(returningUserKey) !== null

export function setReturningUser(isReturning: boolean): void {
  if (isReturning) storage.setItem(returningUserKey, '1')
  else storage.removeItem(returningUserKey)
}
