/** Folders by path: found where Driveway may write to them, made where there is none. */
import { createHash } from 'node:crypto'
import { GatewayError } from '../../errors.ts'
import { unlessAborted } from '../client/abort-signals.ts'
import type { DriveAccount } from '../client/account.ts'
import { readFailure } from '../client/errors.ts'
import { findRequest, itemRequest, makeFolderRequest, readFound, readFoundItem } from './search.ts'
import type { FoundItem, Search } from './search.ts'
import type { Ids } from '../upload/file-id-pool.ts'
import { createLine } from '../client/drive-client.ts'
import type { Line, LineParts } from '../client/drive-client.ts'
import type { Records, Stored } from '../../store/versioned-store.ts'

export interface Folders {
  /**
   * Finds or makes each folder of a path. Of those that ask for the same new folder at the same
   * time, on whichever instance, one makes it and all are given it.
   *
   * @param from the folder in which the path begins; My Drive's root where there is none
   * @returns the last folder's id; `from` for a path of no folders
   * @throws {GatewayError} `drive_not_found`, `drive_forbidden` or what else Drive refuses with
   */
  reach(
    account: DriveAccount,
    from: string | undefined,
    path: readonly string[],
    signal: AbortSignal,
  ): Promise<string | undefined>
  /**
   * The same for one folder that somebody wants by itself.
   *
   * @returns whether it was made for this call
   * @throws {GatewayError} `drive_not_found`, `drive_forbidden` or what else Drive refuses with
   */
  make(
    account: DriveAccount,
    folder: string | undefined,
    name: string,
    signal: AbortSignal,
  ): Promise<Made>
}

export interface Made {
  id: string
  isNew: boolean
}

/** The id under which a folder is, or is about to be. */
export interface FolderReservation {
  folderId: string
}

export function isFolderReservation(data: Record<string, unknown>): boolean {
  return typeof data['folderId'] === 'string'
}

export interface FoldersParts extends LineParts {
  ids: Ids
  reservations: Records<FolderReservation>
  /** Whether Driveway may write to every folder that the person may, not only to its own. */
  wholeDrive: boolean
}

/**
 * Longer than anybody takes to make a folder, and than Drive takes to list one that was made: a
 * folder that is no longer found and still reserved is found by its id.
 */
const reservedMs = 60 * 60_000
/** Each round needs somebody to have trashed, moved or made the folder in between. */
const mostRounds = 5

export function createFolders(parts: FoldersParts, now: () => number = Date.now): Folders {
  const { ids, reservations, wholeDrive } = parts

  const isUsable = ({ isAppAuthorized, canAddChildren }: FoundItem): boolean =>
    canAddChildren && (wholeDrive || isAppAuthorized)

  /** @param instead the reservation that has proved to be of no use */
  async function reserve(
    { signal }: Line,
    account: DriveAccount,
    key: string,
    instead?: Stored<FolderReservation>,
  ): Promise<Stored<FolderReservation>> {
    for (let round = 0; round < mostRounds; round++) {
      const there = await reservations.find(key)
      const isOf = (other: Stored<FolderReservation>): boolean =>
        there?.value.folderId === other.value.folderId
      if (there && there.expiresAt > now() && !(instead && isOf(instead))) return there
      const value = { folderId: await unlessAborted(signal, ids.take(account)) }
      const reserved = there
        ? await reservations.replace(key, there.revision, value, now() + reservedMs)
        : await reservations.create(key, value, now() + reservedMs)
      if (reserved) return reserved
    }
    throw contested()
  }

  async function make(
    line: Line,
    account: DriveAccount,
    folder: string | undefined,
    name: string,
  ): Promise<Made> {
    const key = keyOf(account.sub, folder, name)
    let reserved = await reserve(line, account, key)
    for (let round = 0; round < mostRounds; round++) {
      const { folderId: id } = reserved.value
      const answer = await line.patience.retry(async () => {
        const made = await line.ask(makeFolderRequest(line.root, { id, name, folder }))
        // 409: it is there. 400: perhaps the id of something that was removed for good.
        if (made.status < 300 || made.status === 409 || made.status === 400) return made
        throw readFailure(made)
      })
      if (answer.status < 300) return { id, isNew: true }
      const there = await findItem(line, id)
      if (there && (await isStill(line, there, folder, name))) return { id, isNew: false }
      if (!there && answer.status === 400 && round > 0) throw readFailure(answer)
      reserved = await reserve(line, account, key, reserved)
    }
    throw contested()
  }

  async function findOrMake(
    line: Line,
    account: DriveAccount,
    folder: string | undefined,
    name: string,
  ): Promise<Made> {
    const found = await findFirst(line, { folder, name, kind: 'folder' }, isUsable)
    return found ? { id: found.id, isNew: false } : make(line, account, folder, name)
  }

  return {
    async reach(account, from, path, signal) {
      const line = createLine(parts, account, signal)
      let folder = from
      for (const name of path) folder = (await findOrMake(line, account, folder, name)).id
      return folder
    },
    make: (account, folder, name, signal) =>
      findOrMake(createLine(parts, account, signal), account, folder, name),
  }
}

/** The first item of exactly this name that will do; Drive itself takes `A` for `a`. */
export async function findFirst(
  line: Line,
  search: Search,
  willDo: (item: FoundItem) => boolean,
): Promise<FoundItem | undefined> {
  let pageToken: string | undefined
  do {
    const request = findRequest(line.root, search, pageToken)
    const page = await line.patience.retry(async () => readFound(await line.ask(request)))
    const found = page.items.find((item) => item.name === search.name && willDo(item))
    if (found) return found
    pageToken = page.nextPageToken
  } while (pageToken !== undefined)
  return undefined
}

/** What is under an id, `root` among them. */
export function findItem(line: Line, id: string): Promise<FoundItem | undefined> {
  return line.patience.retry(async () => readFoundItem(await line.ask(itemRequest(line.root, id))))
}

/** Whether an item is where it was made, under its name and not in the bin. */
export async function isStill(
  line: Line,
  item: FoundItem,
  folder = 'root',
  name: string,
): Promise<boolean> {
  if (item.trashed || item.name !== name) return false
  if (item.parent === undefined || item.parent === folder) return true
  // `root` is another name for the folder that items are in.
  return folder === 'root' && item.parent === (await findItem(line, folder))?.id
}

function keyOf(sub: string, folder = 'root', name: string): string {
  return createHash('sha256')
    .update(JSON.stringify([sub, folder, name]))
    .digest('hex')
}

function contested(): GatewayError {
  return new GatewayError('drive_unavailable', 'A folder changed each time it was about to be used')
}
