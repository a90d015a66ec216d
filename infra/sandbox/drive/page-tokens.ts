/** Page tokens: opaque, and valid only for the caller and parameters of their listing. */
import { createHash, randomBytes } from 'node:crypto'
import { invalidParameter } from './errors.ts'

export interface PageTokens {
  /** Creates the token of the next page. */
  issue(key: string, ids: string[], next: number): string
  /** @throws 400 when the token is unknown, or belongs to another user or other parameters */
  resolve(key: string, token: string): { ids: string[]; next: number }
}

/** Above this number, the oldest tokens are deleted. */
const maxTokens = 10_000

export function createPageTokens(): PageTokens {
  const tokens = new Map<string, { key: string; ids: string[]; next: number }>()
  return {
    issue(key, ids, next) {
      const token = `~!!~${randomBytes(32).toString('base64url')}`
      tokens.set(token, { key, ids, next })
      if (tokens.size > maxTokens) tokens.delete(tokens.keys().next().value ?? '')
      return token
    },
    resolve(key, token) {
      const page = tokens.get(token)
      if (page?.key !== key) throw invalidParameter('pageToken')
      return page
    },
  }
}

/** Identifies a listing by its caller and parameters, except the page token. */
export function listingKey(sub: string, clientId: string, url: URL): string {
  const parameters = [...url.searchParams].filter(([name]) => name !== 'pageToken')
  parameters.sort(([a], [b]) => (a < b ? -1 : 1))
  return createHash('sha256')
    .update(JSON.stringify([sub, clientId, parameters]))
    .digest('base64')
}
