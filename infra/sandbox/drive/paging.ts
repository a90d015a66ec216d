/** Pages of a list whose items have ids. */
import type { Exchange } from '../router.ts'
import type { Caller } from './auth-context.ts'
import type { PageTokens } from './page-tokens.ts'
import { listingKey } from './page-tokens.ts'
import { readInteger } from './params.ts'

/** @throws 400 for an invalid `pageSize` or `pageToken` */
export function readPage<T extends { id: string }>(
  pageTokens: PageTokens,
  caller: Caller,
  { url }: Pick<Exchange, 'url'>,
  items: T[],
  pageSize: { max: number; default: number },
): { page: T[]; nextPageToken?: string } {
  const size = readInteger(url, 'pageSize', { min: 1, ...pageSize, clamp: true })
  const key = listingKey(caller.sub, caller.clientId, url)
  const token = url.searchParams.get('pageToken')
  const { ids, next } = token
    ? pageTokens.resolve(key, token)
    : { ids: items.map(({ id }) => id), next: 0 }
  const end = next + size
  const page = ids.slice(next, end).flatMap((id) => items.find((item) => item.id === id) ?? [])
  return end < ids.length ? { page, nextPageToken: pageTokens.issue(key, ids, end) } : { page }
}
