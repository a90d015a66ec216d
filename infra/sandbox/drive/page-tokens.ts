/** Page tokens: opaque, good for hours, and only with the parameters that they came from. */
import { createHash, randomBytes } from 'node:crypto'
import { invalidParameter } from './errors.ts'

export interface Pages {
  /** What is left of a listing, for the token of the next page. */
  keep(binding: string, ids: string[], next: number): string
  /** @throws 400 when the token is unknown, or another user's, or other parameters came with it */
  find(binding: string, token: string): { ids: string[]; next: number }
}

/** Older ones are dropped when there are more. */
const mostTokens = 10_000

export function createPages(): Pages {
  const kept = new Map<string, { binding: string; ids: string[]; next: number }>()
  return {
    keep(binding, ids, next) {
      const token = `~!!~${randomBytes(32).toString('base64url')}`
      kept.set(token, { binding, ids, next })
      if (kept.size > mostTokens) kept.delete(kept.keys().next().value ?? '')
      return token
    },
    find(binding, token) {
      const page = kept.get(token)
      if (page?.binding !== binding) throw invalidParameter('pageToken')
      return page
    },
  }
}

/** Says whose a listing is and what was asked for, all but the token itself. */
export function bindingOf(sub: string, clientId: string, url: URL): string {
  const parameters = [...url.searchParams].filter(([name]) => name !== 'pageToken')
  parameters.sort(([one], [other]) => (one < other ? -1 : 1))
  return createHash('sha256')
    .update(JSON.stringify([sub, clientId, parameters]))
    .digest('base64')
}
