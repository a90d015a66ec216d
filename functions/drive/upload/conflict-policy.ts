/** Conflict policy: what to do with an upload whose name exists in its folder. */
import { GatewayError } from '../../errors.ts'
import type { DriveAccount } from '../client/account.ts'
import { createDriveClient } from '../client/drive-client.ts'
import type { DriveClient, DriveClientOptions } from '../client/drive-client.ts'
import { kindOf } from '../files/listing.ts'
import { findItem, isUnmoved, itemsNamed } from '../files/lookup.ts'
import type { StoredFile } from '../client/protocol.ts'
import type { DriveItem, Search } from '../files/search.ts'
import type { NewFile } from './upload.ts'

/**
 * - `new`: creates another file of the same name, as Drive itself does
 * - `replace`: replaces the content of the existing file, which keeps its id
 * - `skip`: stores nothing, and returns the existing file
 * - `error`: refuses the upload
 */
export const conflictModes = ['new', 'replace', 'skip', 'error'] as const
export type ConflictMode = (typeof conflictModes)[number]

/** A file of Drive, whose checksum may be missing. */
export type ExistingFile = StoredFile & { size: number }

export type Resolution = { state: 'store'; file: NewFile } | { state: 'skip'; file: ExistingFile }

export interface ConflictPolicy {
  /**
   * Searches the folder for a file of this name, and resolves the conflict by the mode.
   *
   * @param recentId id of a file that was stored recently, and may not be listed yet
   * @throws {GatewayError} `file_exists`, or Drive's error
   */
  resolveConflict(
    account: DriveAccount,
    file: NewFile,
    mode: ConflictMode,
    signal: AbortSignal,
    recentId?: string,
  ): Promise<Resolution>
}

/** The media type of a file for which none is declared. */
export const defaultMimeType = 'application/octet-stream'

/** @param options.wholeDrive whether Driveway may write to every file that the account may */
export function createConflictPolicy(
  options: DriveClientOptions & { wholeDrive: boolean },
): ConflictPolicy {
  const isWritable = (item: DriveItem): boolean =>
    isFile(item) && item.canEdit && (options.wholeDrive || item.isAppAuthorized)

  return {
    async resolveConflict(account, file, mode, signal, recentId) {
      if (mode === 'new') return { state: 'store', file }
      const client = createDriveClient(options, account, signal)
      const predicate = mode === 'replace' ? isWritable : isFile
      const { folder, name, mimeType } = file
      const search = { folder, name, kind: 'file' as const }
      const existing =
        (await findFirst(client, search, predicate)) ?? (await findRecent(client, search, recentId))
      if (!existing) return { state: 'store', file }
      if (mode === 'error') throw new GatewayError('file_exists', 'A file with this name exists')
      if (mode === 'skip') return { state: 'skip', file: toExistingFile(existing) }
      const { id } = existing
      const type = mimeType === defaultMimeType ? existing.mimeType : mimeType
      return { state: 'store', file: { ...file, id, mimeType: type, replaces: true } }
    },
  }
}

async function findFirst(
  client: DriveClient,
  search: Search,
  predicate: (item: DriveItem) => boolean,
): Promise<DriveItem | undefined> {
  for await (const item of itemsNamed(client, search)) if (predicate(item)) return item
  return undefined
}

/** Finds a file by its id, if it still has this folder and name. */
async function findRecent(
  client: DriveClient,
  { folder, name }: Search,
  id: string | undefined,
): Promise<DriveItem | undefined> {
  const item = id === undefined ? undefined : await findItem(client, id)
  return item && isFile(item) && (await isUnmoved(client, item, folder, name)) ? item : undefined
}

/** Whether an item has bytes of its own, unlike documents and shortcuts. Drive may omit its checksum. */
function isFile({ mimeType }: DriveItem): boolean {
  return kindOf(mimeType) === 'file'
}

function toExistingFile({
  id,
  name,
  mimeType,
  size,
  sha256,
  webViewLink,
}: DriveItem): ExistingFile {
  return { id, name, mimeType, size: size ?? 0, sha256, webViewLink }
}
