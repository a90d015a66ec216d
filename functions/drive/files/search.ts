/**
 * Finding what has a name in a folder, as requests to send and answers to read.
 *
 * @see Google Drive API, "Search for files and folders"
 */
import { readFailure } from '../client/errors.ts'
import { folderType, quoted } from './listing.ts'
import { readFileFields, readObject } from '../client/protocol.ts'
import type { StoredFile } from '../client/protocol.ts'
import type { DriveAnswer, DriveRequest } from '../client/transport.ts'

/** Something in a Drive, and what Driveway may do with it. */
export type FoundItem = StoredFile & {
  /** Absent where Driveway may not see it. */
  parent: string | undefined
  trashed: boolean
  /** Made or opened with Driveway: all that the scope `drive.file` lets it write to. */
  isAppAuthorized: boolean
  /** What the person may do, whatever Driveway may. */
  canEdit: boolean
  canAddChildren: boolean
}

const fields =
  'id,name,mimeType,size,sha256Checksum,webViewLink,parents,trashed,isAppAuthorized,capabilities(canEdit,canAddChildren)'

/** Where to look; My Drive's root where there is no folder. */
export interface Search {
  folder: string | undefined
  name: string
  /** Folders come oldest first, files the last changed first. */
  kind: 'folder' | 'file'
}

export function findRequest(
  root: string,
  { folder = 'root', name, kind }: Search,
  pageToken: string | undefined,
): DriveRequest {
  const q = [
    `${quoted(folder)} in parents`,
    `name = ${quoted(name)}`,
    `mimeType ${kind === 'folder' ? '=' : '!='} ${quoted(folderType)}`,
    'trashed = false',
  ].join(' and ')
  const params = new URLSearchParams({
    q,
    fields: `nextPageToken,files(${fields})`,
    pageSize: '100',
    orderBy: kind === 'folder' ? 'createdTime' : 'modifiedTime desc',
    spaces: 'drive',
    supportsAllDrives: 'true',
    includeItemsFromAllDrives: 'true',
    ...(pageToken === undefined ? {} : { pageToken }),
  })
  return { method: 'GET', url: `${root}drive/v3/files?${params.toString()}`, headers: {} }
}

/** @throws {GatewayError} what Drive refuses with: `drive_not_found` for a folder that is not there */
export function readFound(answer: DriveAnswer): {
  items: FoundItem[]
  nextPageToken: string | undefined
} {
  const list = answer.status === 200 ? readObject(answer.body) : undefined
  const { files, nextPageToken } = list ?? {}
  if (!Array.isArray(files)) throw readFailure(answer)
  return {
    items: files.flatMap((file: Record<string, unknown>) => readItem(file) ?? []),
    nextPageToken: typeof nextPageToken === 'string' ? nextPageToken : undefined,
  }
}

/** @param id `root` among them */
export function itemRequest(root: string, id: string): DriveRequest {
  const url = `${root}drive/v3/files/${encodeURIComponent(id)}?supportsAllDrives=true&fields=${fields}`
  return { method: 'GET', url, headers: {} }
}

/** @returns nothing where there is nothing under the id */
export function readFoundItem(answer: DriveAnswer): FoundItem | undefined {
  if (answer.status === 404) return undefined
  const item = answer.status === 200 ? readItem(readObject(answer.body) ?? {}) : undefined
  if (!item) throw readFailure(answer)
  return item
}

export function makeFolderRequest(
  root: string,
  { id, name, folder }: { id: string; name: string; folder: string | undefined },
): DriveRequest {
  const parents = folder === undefined ? undefined : [folder]
  return {
    method: 'POST',
    url: `${root}drive/v3/files?supportsAllDrives=true&fields=id`,
    headers: { 'content-type': 'application/json; charset=UTF-8' },
    body: [Buffer.from(JSON.stringify({ id, name, mimeType: folderType, parents }))],
  }
}

function readItem(file: Record<string, unknown>): FoundItem | undefined {
  const stored = readFileFields(file)
  const { parents, trashed, isAppAuthorized, capabilities } = file
  const { canEdit, canAddChildren } = (capabilities ?? {}) as Record<string, unknown>
  const [parent] = Array.isArray(parents) ? (parents as unknown[]) : []
  return (
    stored && {
      ...stored,
      parent: typeof parent === 'string' ? parent : undefined,
      trashed: trashed === true,
      isAppAuthorized: isAppAuthorized === true,
      canEdit: canEdit === true,
      canAddChildren: canAddChildren === true,
    }
  )
}
