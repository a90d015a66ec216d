/** Looks up items by id or by name. */
import type { DriveClient } from '../client/drive-client.ts'
import { isSameName } from './names.ts'
import { itemRequest, readItemResponse, readSearchPage, searchRequest } from './search.ts'
import type { DriveItem, Search } from './search.ts'

/**
 * Yields the items of this name. Drive's own search ignores case, so its results are compared again. Its
 * lists lag behind by minutes at times, so each item is read again by its id: one that was renamed,
 * moved, trashed or deleted since is left out.
 */
export async function* itemsNamed(
  client: DriveClient,
  search: Search,
): AsyncGenerator<DriveItem, undefined, undefined> {
  let pageToken: string | undefined
  do {
    const request = searchRequest(client.root, search, pageToken)
    const page = await client.retryPolicy.retry(async () =>
      readSearchPage(await client.request(request)),
    )
    for (const listed of page.items.filter(({ name }) => isSameName(name, search.name))) {
      const item = await findItem(client, listed.id)
      const isListed = item?.parent === listed.parent && isSameName(item?.name ?? '', search.name)
      if (item && isListed && !item.trashed) yield item
    }
    pageToken = page.nextPageToken
  } while (pageToken !== undefined)
}

/** @param id may be `root` */
export function findItem(client: DriveClient, id: string): Promise<DriveItem | undefined> {
  const request = itemRequest(client.root, id)
  return client.retryPolicy.retry(async () => readItemResponse(await client.request(request)))
}

/** Whether an item still has this parent and name, and is not in the bin. */
export async function isUnmoved(
  client: DriveClient,
  item: DriveItem,
  parent = 'root',
  name: string,
): Promise<boolean> {
  if (item.trashed || !isSameName(item.name, name)) return false
  if (item.parent === undefined || item.parent === parent) return true
  // `root` is an alias: the items in it have the folder's id as their parent.
  return parent === 'root' && item.parent === (await findItem(client, parent))?.id
}
