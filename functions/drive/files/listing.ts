/** What is in a Drive: the interface that a handler uses. */
import type { DriveAccount } from '../client/account.ts'

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
  /** Made with Driveway, or opened with it. */
  isAppAuthorized: boolean
  /** What the person may do with it through Driveway, as far as Drive and the scopes let. */
  capabilities: {
    /** Only of folders: whether files can be uploaded into it. */
    canAddChildren?: boolean
    /** Not of folders: whether its content can be read. */
    canDownload?: boolean
  }
}

/** A file that was asked for by itself. */
export interface FileDetails extends ListedFile {
  /** The folder that it is in, where Driveway may see it. */
  parents: string[]
  /** RFC 3339. */
  createdTime?: string
  description?: string
  /** Of the whole content, in hex; only files have one. */
  sha256?: string
  /** Whether it is in the bin, by itself or with a folder. */
  trashed: boolean
  /** Media types that Drive makes of a document; empty for all else. */
  exportTypes: string[]
  /** Another one after each change, of whatever kind. */
  version: string
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
  /** @throws {GatewayError} `drive_not_found`, `invalid_page_token`, or what Drive refuses with */
  list(account: DriveAccount, query: ListQuery, signal: AbortSignal): Promise<FilePage>
  /**
   * @param id `root` among them
   * @throws {GatewayError} `drive_not_found`, or what Drive refuses with
   */
  get(account: DriveAccount, id: string, signal: AbortSignal): Promise<FileDetails>
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
