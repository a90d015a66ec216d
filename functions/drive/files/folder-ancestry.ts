/**
 * Checks whether an item is a descendant of a folder, by walking up its parents.
 *
 * The item itself is requested each time, so that a file that was moved out is refused immediately. The
 * folders above it are cached for half a minute: moving a folder takes effect after that time.
 * Shortcuts are not followed: a shortcut is where it lies, and its target is where the target lies.
 */
import { createTtlCache } from '../../lib/ttl-cache.ts'
import type { DriveAccount } from '../client/account.ts'
import { createDriveClient } from '../client/drive-client.ts'
import type { DriveClient, DriveClientOptions } from '../client/drive-client.ts'
import { findItem } from './lookup.ts'

export interface FolderAncestry {
  /** Whether an item is the folder itself or below it at any depth; `false` for a missing item. */
  isDescendant(
    account: DriveAccount,
    folder: string,
    id: string,
    signal: AbortSignal,
  ): Promise<boolean>
}

const cacheTtlMs = 30_000
const maxCacheEntries = 10_000
/** Drive's own limit on nesting is lower. */
const maxDepth = 100

export function createFolderAncestry(
  options: DriveClientOptions,
  now: () => number = Date.now,
): FolderAncestry {
  /** By account and id. A cached folder may have no visible parent. */
  const parents = createTtlCache<string, { parent: string | undefined }>({
    maxEntries: maxCacheEntries,
    ttlMs: cacheTtlMs,
    now,
  })

  async function parentOf(
    client: DriveClient,
    { sub }: DriveAccount,
    id: string,
  ): Promise<string | undefined> {
    const key = `${sub} ${id}`
    const cached = parents.get(key)
    if (cached) return cached.parent
    const parent = (await findItem(client, id))?.parent
    parents.set(key, { parent })
    return parent
  }

  return {
    async isDescendant(account, folder, id, signal) {
      if (id === folder) return true
      const client = createDriveClient(options, account, signal)
      const item = await findItem(client, id)
      let ancestor = item?.id === folder ? folder : item?.parent // `root` has an id of its own
      for (let depth = 0; depth < maxDepth && ancestor !== undefined; depth++) {
        if (ancestor === folder) return true
        ancestor = await parentOf(client, account, ancestor)
      }
      return false
    },
  }
}
