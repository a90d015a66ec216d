/**
 * Searches a folder for a name: request builders and response parsers.
 *
 * @see Google Drive API, "Search for files and folders"
 */
import { toGatewayError } from '../client/errors.ts'
import { folderType, quoteLiteral } from './listing.ts'
import { nameForms } from './names.ts'
import { readFileFields, readObject } from '../client/protocol.ts'
import type { StoredFile } from '../client/protocol.ts'
import type { DriveResponse, DriveRequest } from '../client/transport.ts'

/** A file or folder in Drive, and what Driveway may do with it. */
export type DriveItem = StoredFile & {
  /** `undefined` when Driveway may not see it. */
  parent: string | undefined
  trashed: boolean
  /** Whether the item was created or opened with Driveway, as the scope `drive.file` requires. */
  isAppAuthorized: boolean
  /** Permissions of the account, regardless of Driveway's scopes. */
  canEdit: boolean
  canAddChildren: boolean
  /** The target of a shortcut. */
  shortcut: { targetId: string; targetMimeType: string } | undefined
}

const fields =
  'id,name,mimeType,size,sha256Checksum,webViewLink,parents,trashed,isAppAuthorized,capabilities(canEdit,canAddChildren),shortcutDetails(targetId,targetMimeType)'

export interface Search {
  /** Default: the root of My Drive. */
  folder: string | undefined
  name: string
  /** Items of `any` kind are sorted by creation, oldest first; files by modification, newest first. */
  kind: 'any' | 'file'
}

export function searchRequest(
  root: string,
  { folder = 'root', name, kind }: Search,
  pageToken: string | undefined,
): DriveRequest {
  const q = [
    `${quoteLiteral(folder)} in parents`,
    nameTerm(name),
    ...(kind === 'file' ? [`mimeType != ${quoteLiteral(folderType)}`] : []),
    'trashed = false',
  ].join(' and ')
  const params = new URLSearchParams({
    q,
    fields: `nextPageToken,files(${fields})`,
    pageSize: '100',
    orderBy: kind === 'any' ? 'createdTime' : 'modifiedTime desc',
    spaces: 'drive',
    supportsAllDrives: 'true',
    includeItemsFromAllDrives: 'true',
    ...(pageToken === undefined ? {} : { pageToken }),
  })
  return { method: 'GET', url: `${root}drive/v3/files?${params.toString()}`, headers: {} }
}

/** Drive does not promise to compare normal forms of Unicode, so the query has each of them. */
function nameTerm(name: string): string {
  const terms = nameForms(name).map((form) => `name = ${quoteLiteral(form)}`)
  return terms.length === 1 ? terms.join() : `(${terms.join(' or ')})`
}

/** @throws {GatewayError} Drive's error: `drive_not_found` when the folder does not exist */
export function readSearchPage(response: DriveResponse): {
  items: DriveItem[]
  nextPageToken: string | undefined
} {
  const list = response.status === 200 ? readObject(response.body) : undefined
  const { files, nextPageToken } = list ?? {}
  if (!Array.isArray(files)) throw toGatewayError(response)
  return {
    items: files.flatMap((file: Record<string, unknown>) => readItem(file) ?? []),
    nextPageToken: typeof nextPageToken === 'string' ? nextPageToken : undefined,
  }
}

/** @param id may be `root` */
export function itemRequest(root: string, id: string): DriveRequest {
  const url = `${root}drive/v3/files/${encodeURIComponent(id)}?supportsAllDrives=true&fields=${fields}`
  return { method: 'GET', url, headers: {} }
}

/** @returns `undefined` when the item does not exist */
export function readItemResponse(response: DriveResponse): DriveItem | undefined {
  if (response.status === 404) return undefined
  const item = response.status === 200 ? readItem(readObject(response.body) ?? {}) : undefined
  if (!item) throw toGatewayError(response)
  return item
}

export function createFolderRequest(
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

function readItem(file: Record<string, unknown>): DriveItem | undefined {
  const stored = readFileFields(file)
  const { parents, trashed, isAppAuthorized, capabilities, shortcutDetails } = file
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
      shortcut: readShortcut(shortcutDetails),
    }
  )
}

function readShortcut(details: unknown): DriveItem['shortcut'] {
  const { targetId, targetMimeType } = (details ?? {}) as Record<string, unknown>
  if (typeof targetId !== 'string') return undefined
  return { targetId, targetMimeType: String(targetMimeType) }
}
