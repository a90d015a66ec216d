/** Finds or creates folders by path. Only folders that Driveway may write to are used. */
import { createHash } from 'node:crypto'
import { GatewayError } from '../../errors.ts'
import type { Versioned, VersionedStore } from '../../store/versioned-store.ts'
import { raceAbort } from '../client/abort-signals.ts'
import type { DriveAccount } from '../client/account.ts'
import { createDriveClient } from '../client/drive-client.ts'
import type { DriveClient, DriveClientOptions } from '../client/drive-client.ts'
import { toGatewayError } from '../client/errors.ts'
import type { FileIdPool } from '../upload/file-id-pool.ts'
import { followShortcut, isWritableFolder, notAFolder } from './destination.ts'
import type { DestinationOptions } from './destination.ts'
import type { FolderAncestry } from './folder-ancestry.ts'
import { kindOf } from './listing.ts'
import { findItem, isUnmoved, itemsNamed } from './lookup.ts'
import { normalName } from './names.ts'
import { createFolderRequest } from './search.ts'
import type { DriveItem } from './search.ts'

export interface Folders {
  /**
   * Finds or creates each folder of a path. Concurrent requests for the same new folder, on any
   * instance, create it once and all get its id.
   *
   * A shortcut to a folder stands for that folder.
   *
   * @param parent the folder in which the path begins. Default: the root of My Drive
   * @param within the folder that no shortcut may lead out of, if any
   * @returns the id of the last folder; `parent` for an empty path
   * @throws {GatewayError} `not_a_folder` for a path through a file, `folder_trashed`,
   *   `outside_folder`, `drive_not_found`, `drive_forbidden` or another error of Drive
   */
  ensurePath(
    account: DriveAccount,
    parent: string | undefined,
    path: readonly string[],
    signal: AbortSignal,
    within: string | undefined,
  ): Promise<string | undefined>
  /** Finds or creates one folder, like `ensurePath()`. */
  ensureFolder(
    account: DriveAccount,
    parent: string | undefined,
    name: string,
    signal: AbortSignal,
    within: string | undefined,
  ): Promise<EnsuredFolder>
}

export interface EnsuredFolder {
  id: string
  /** Whether this call created it. */
  isNew: boolean
}

/** The id under which a folder exists, or is about to be created. */
export interface FolderReservation {
  folderId: string
}

export function isFolderReservation(data: Record<string, unknown>): boolean {
  return typeof data['folderId'] === 'string'
}

export interface FoldersDeps extends DriveClientOptions, DestinationOptions {
  fileIds: FileIdPool
  reservations: VersionedStore<FolderReservation>
  folderAncestry: Pick<FolderAncestry, 'isDescendant'>
}

/**
 * Longer than it takes to create a folder, and than Drive takes to list a new one: while a new
 * folder is not listed yet, it is found by its reserved id.
 */
const reservationTtlMs = 60 * 60_000
/** A further attempt is needed only when the folder was trashed, moved or created in between. */
const maxAttempts = 5

export function createFolders(deps: FoldersDeps, now: () => number = Date.now): Folders {
  const { fileIds, reservations, folderAncestry } = deps

  /** @param unusable a reservation that must be replaced, as its id cannot be used */
  async function reserve(
    { signal }: DriveClient,
    account: DriveAccount,
    key: string,
    unusable?: Versioned<FolderReservation>,
  ): Promise<Versioned<FolderReservation>> {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const existing = await reservations.find(key)
      const isUsable = existing?.value.folderId !== unusable?.value.folderId
      if (existing && existing.expiresAt > now() && isUsable) return existing
      const value = { folderId: await raceAbort(signal, fileIds.take(account)) }
      const reserved = existing
        ? await reservations.replace(key, existing.etag, value, now() + reservationTtlMs)
        : await reservations.create(key, value, now() + reservationTtlMs)
      if (reserved) return reserved
    }
    throw folderContention()
  }

  async function createFolder(
    client: DriveClient,
    account: DriveAccount,
    parent: string | undefined,
    name: string,
  ): Promise<EnsuredFolder> {
    const key = reservationKey(account.sub, parent, name)
    let reservation = await reserve(client, account, key)
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const { folderId: id } = reservation.value
      const response = await client.retryPolicy.retry(async () => {
        const created = await client.request(
          createFolderRequest(client.root, { id, name, folder: parent }),
        )
        // 409: the folder exists. 400: possibly the id of a permanently deleted folder.
        if (created.status < 300 || created.status === 409 || created.status === 400) return created
        throw toGatewayError(created)
      })
      if (response.status < 300) return { id, isNew: true }
      const existing = await findItem(client, id)
      if (existing && (await isUnmoved(client, existing, parent, name))) return { id, isNew: false }
      if (!existing && response.status === 400 && attempt > 0) throw toGatewayError(response)
      reservation = await reserve(client, account, key, reservation)
    }
    throw folderContention()
  }

  /** Finds the folder of this name, or the one that a shortcut of this name leads to. */
  async function findFolder(
    client: DriveClient,
    account: DriveAccount,
    { parent, name, within }: PathSegment,
  ): Promise<string | undefined> {
    let sameName: DriveItem | undefined
    let shortcut: DriveItem | undefined
    let file: DriveItem | undefined
    for await (const item of itemsNamed(client, { folder: parent, name, kind: 'any' })) {
      if (isWritableFolder(item, deps)) {
        if (item.name === name) return item.id
        sameName ??= item
      } else if (item.shortcut) shortcut ??= item
      else if (kindOf(item.mimeType) === 'file') file ??= item
    }
    if (sameName) return sameName.id
    if (file && !shortcut) throw notAFolder(`“${file.name}” is a file.`)
    if (!shortcut) return undefined
    const { id } = await followShortcut(client, shortcut, deps)
    if (within === undefined) return id
    if (await folderAncestry.isDescendant(account, within, id, client.signal)) return id
    throw new GatewayError('outside_folder', 'A shortcut leads out of the credential’s folder', {
      detail: `“${shortcut.name}” is a shortcut to a folder outside of the token’s folder.`,
    })
  }

  async function findOrCreate(
    client: DriveClient,
    account: DriveAccount,
    segment: PathSegment,
  ): Promise<EnsuredFolder> {
    const id = await findFolder(client, account, segment)
    if (id !== undefined) return { id, isNew: false }
    return createFolder(client, account, segment.parent, segment.name)
  }

  return {
    async ensurePath(account, parent, path, signal, within) {
      const client = createDriveClient(deps, account, signal)
      let folder = parent
      for (const name of path) {
        folder = (await findOrCreate(client, account, { parent: folder, name, within })).id
      }
      return folder
    },
    ensureFolder: (account, parent, name, signal, within) =>
      findOrCreate(createDriveClient(deps, account, signal), account, { parent, name, within }),
  }
}

interface PathSegment {
  parent: string | undefined
  name: string
  within: string | undefined
}

function reservationKey(sub: string, parent = 'root', name: string): string {
  return createHash('sha256')
    .update(JSON.stringify([sub, parent, normalName(name)]))
    .digest('hex')
}

function folderContention(): GatewayError {
  return new GatewayError('drive_unavailable', 'The folder changed during each attempt to use it')
}
