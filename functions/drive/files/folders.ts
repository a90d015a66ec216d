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
import {
  createFolderRequest,
  itemRequest,
  readItemResponse,
  readSearchPage,
  searchRequest,
} from './search.ts'
import type { DriveItem, Search } from './search.ts'

export interface Folders {
  /**
   * Finds or creates each folder of a path. Concurrent requests for the same new folder, on any
   * instance, create it once and all get its id.
   *
   * @param parent the folder in which the path begins. Default: the root of My Drive
   * @returns the id of the last folder; `parent` for an empty path
   * @throws {GatewayError} `drive_not_found`, `drive_forbidden` or another error of Drive
   */
  ensurePath(
    account: DriveAccount,
    parent: string | undefined,
    path: readonly string[],
    signal: AbortSignal,
  ): Promise<string | undefined>
  /**
   * Finds or creates one folder.
   *
   * @throws {GatewayError} `drive_not_found`, `drive_forbidden` or another error of Drive
   */
  ensureFolder(
    account: DriveAccount,
    parent: string | undefined,
    name: string,
    signal: AbortSignal,
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

export interface FoldersDeps extends DriveClientOptions {
  fileIds: FileIdPool
  reservations: VersionedStore<FolderReservation>
  /** Whether Driveway may write to every folder that the account may, not only to its own. */
  wholeDrive: boolean
}

/**
 * Longer than it takes to create a folder, and than Drive takes to list a new one: while a new
 * folder is not listed yet, it is found by its reserved id.
 */
const reservationTtlMs = 60 * 60_000
/** A further attempt is needed only when the folder was trashed, moved or created in between. */
const maxAttempts = 5

export function createFolders(deps: FoldersDeps, now: () => number = Date.now): Folders {
  const { fileIds, reservations, wholeDrive } = deps

  const isWritable = ({ isAppAuthorized, canAddChildren }: DriveItem): boolean =>
    canAddChildren && (wholeDrive || isAppAuthorized)

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

  async function findOrCreate(
    client: DriveClient,
    account: DriveAccount,
    parent: string | undefined,
    name: string,
  ): Promise<EnsuredFolder> {
    const existing = await findFirst(client, { folder: parent, name, kind: 'folder' }, isWritable)
    return existing
      ? { id: existing.id, isNew: false }
      : createFolder(client, account, parent, name)
  }

  return {
    async ensurePath(account, parent, path, signal) {
      const client = createDriveClient(deps, account, signal)
      let folder = parent
      for (const name of path) folder = (await findOrCreate(client, account, folder, name)).id
      return folder
    },
    ensureFolder: (account, parent, name, signal) =>
      findOrCreate(createDriveClient(deps, account, signal), account, parent, name),
  }
}

/** Finds the first item of exactly this name that matches; Drive's own search ignores case. */
export async function findFirst(
  client: DriveClient,
  search: Search,
  predicate: (item: DriveItem) => boolean,
): Promise<DriveItem | undefined> {
  let pageToken: string | undefined
  do {
    const request = searchRequest(client.root, search, pageToken)
    const page = await client.retryPolicy.retry(async () =>
      readSearchPage(await client.request(request)),
    )
    const match = page.items.find((item) => item.name === search.name && predicate(item))
    if (match) return match
    pageToken = page.nextPageToken
  } while (pageToken !== undefined)
  return undefined
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
  if (item.trashed || item.name !== name) return false
  if (item.parent === undefined || item.parent === parent) return true
  // `root` is an alias: the items in it have the folder's id as their parent.
  return parent === 'root' && item.parent === (await findItem(client, parent))?.id
}

function reservationKey(sub: string, parent = 'root', name: string): string {
  return createHash('sha256')
    .update(JSON.stringify([sub, parent, name]))
    .digest('hex')
}

function folderContention(): GatewayError {
  return new GatewayError('drive_unavailable', 'The folder changed during each attempt to use it')
}
