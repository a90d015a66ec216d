/** What is in a Drive: the interface that a handler uses. */
import type { DriveAccount } from './account.ts'

export type FileKind = 'folder' | 'document' | 'file'

export interface ListedFile {
  id: string
  name: string
  mimeType: string
  kind: FileKind
  /** Bytes; absent for folders and documents. */
  size?: number
  /** RFC 3339. */
  modifiedTime?: string
  webViewLink?: string
  /** What a shortcut points to. */
  shortcut?: { targetId: string; targetMimeType: string; kind: FileKind }
}

export interface ListQuery {
  /** A folder's id; My Drive's root where there is none and nothing is searched for. */
  folder?: string
  /** Words that the names contain. */
  search?: string
  pageSize: number
  /** From the page before; good for the same query only. */
  pageToken?: string
  /** Drive's own keys, such as `modifiedTime desc`. */
  orderBy: string
}

export interface FilePage {
  files: ListedFile[]
  nextPageToken?: string
}

export interface Files {
  /** @throws {GatewayError} `drive_not_found`, `bad_page_token`, or what Drive refuses with */
  list(account: DriveAccount, query: ListQuery, signal: AbortSignal): Promise<FilePage>
}

export const folderType = 'application/vnd.google-apps.folder'

/** Folder, document (one of Google's own types, which have no bytes), or file. */
export function kindOf(mimeType: string): FileKind {
  if (mimeType === folderType) return 'folder'
  return mimeType.startsWith('application/vnd.google-apps.') ? 'document' : 'file'
}

/** A string literal of the query language: whatever is in it stays inside it. */
export function quoted(text: string): string {
  return `'${text.replaceAll(/[\\']/g, '\\$&')}'`
}
