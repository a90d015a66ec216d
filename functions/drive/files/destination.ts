/** The folder that an upload goes to, checked before its first byte. */
import { GatewayError } from '../../errors.ts'
import type { DriveAccount } from '../client/account.ts'
import { createDriveClient } from '../client/drive-client.ts'
import type { DriveClient, DriveClientOptions } from '../client/drive-client.ts'
import { folderType, kindOf } from './listing.ts'
import { findItem } from './lookup.ts'
import type { DriveItem } from './search.ts'

export interface Destinations {
  /**
   * Returns the id of the folder that an id names: the folder itself, or the target of a shortcut. An
   * id that Driveway cannot see is returned as it is, since Drive may accept uploads there.
   *
   * @throws {GatewayError} `folder_trashed`, `bad_request` for the id of a file, `not_a_folder` for a
   *   shortcut that leads to no folder
   */
  resolve(account: DriveAccount, id: string, signal: AbortSignal): Promise<string>
}

export interface DestinationOptions {
  /** Whether Driveway may write to every folder that the account may, not only to its own. */
  wholeDrive: boolean
}

export function createDestinations(options: DriveClientOptions & DestinationOptions): Destinations {
  return {
    async resolve(account, id, signal) {
      const client = createDriveClient(options, account, signal)
      const item = await findItem(client, id)
      if (!item) return id
      if (item.shortcut) return (await followShortcut(client, item, options)).id
      if (!isFolder(item)) {
        throw new GatewayError('bad_request', 'The folder id is the id of a file', {
          detail: `folder is the id of “${item.name}”, which is not a folder. Send the id of a folder.`,
        })
      }
      if (item.trashed) throw folderTrashed(item)
      return id
    },
  }
}

/**
 * Returns the folder that a shortcut leads to.
 *
 * @throws {GatewayError} `folder_trashed`, `not_a_folder`
 */
export async function followShortcut(
  client: DriveClient,
  { name, shortcut }: DriveItem,
  options: DestinationOptions,
): Promise<DriveItem> {
  if (shortcut?.targetMimeType !== folderType) {
    throw notAFolder(`“${name}” is a shortcut to a file.`)
  }
  const target = await findItem(client, shortcut.targetId)
  if (!target || !isFolder(target)) {
    throw notAFolder(`“${name}” is a shortcut to a folder that does not exist or is not shared.`)
  }
  if (target.trashed) throw folderTrashed(target)
  if (!isWritableFolder(target, options)) {
    throw notAFolder(`“${name}” is a shortcut to a folder that Driveway may not write to.`)
  }
  return target
}

export function isFolder({ mimeType }: DriveItem): boolean {
  return kindOf(mimeType) === 'folder'
}

export function isWritableFolder(item: DriveItem, { wholeDrive }: DestinationOptions): boolean {
  return isFolder(item) && item.canAddChildren && (wholeDrive || item.isAppAuthorized)
}

/** @param what a sentence about the item in the way */
export function notAFolder(what: string): GatewayError {
  return new GatewayError('not_a_folder', 'The destination is not a folder', {
    detail: `${what} Choose another folder.`,
  })
}

function folderTrashed({ name }: DriveItem): GatewayError {
  return new GatewayError('folder_trashed', 'The destination is in the bin', {
    detail: `“${name}” is in the bin, and a file uploaded there would be deleted with it.`,
  })
}
