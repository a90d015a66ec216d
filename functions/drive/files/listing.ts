/** Listing and metadata of Drive files: the interface that handlers use. */
import type { DriveAccount, FileReference } from '../client/account.ts'

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
  /** The target of a shortcut. */
  shortcut?: { targetId: string; targetMimeType: string; kind: FileKind }
  /** Whether the item was created or opened with Driveway. */
  isAppAuthorized: boolean
  /** What the account may do with it through Driveway, as permissions and scopes allow. */
  capabilities: {
    /** Folders only: whether files can be uploaded into it. */
    canAddChildren?: boolean
    /** Files and documents only: whether the content can be downloaded. */
    canDownload?: boolean
  }
}

/** Metadata of a single file. */
export interface FileDetails extends ListedFile {
  /** The id of its folder, when Driveway may see it. */
  parents: string[]
  /** RFC 3339. */
  createdTime?: string
  description?: string
  /** SHA-256 of the whole content, in hex; files only. */
  sha256?: string
  /** Whether it, or a folder above it, is in the bin. */
  trashed: boolean
  /** Media types to which Drive exports a document; empty for anything else. */
  exportTypes: string[]
  /** Changes with each change of the file or its metadata. */
  version: string
}

export interface ListQuery {
  /** Default without a search: the root of My Drive. */
  folder?: FileReference
  /** Words that file names must contain. */
  search?: string
  pageSize: number
  /** From the previous page; valid for the same query only. */
  pageToken?: string
  /** In Drive's syntax, such as `modifiedTime desc`. */
  orderBy: string
}

export interface FilePage {
  files: ListedFile[]
  nextPageToken?: string
}

export interface Files {
  /** @throws {GatewayError} `drive_not_found`, `invalid_page_token`, or another error of Drive */
  list(account: DriveAccount, query: ListQuery, signal: AbortSignal): Promise<FilePage>
  /**
   * @param id may be `root`
   * @throws {GatewayError} `drive_not_found`, or another error of Drive
   */
  get(account: DriveAccount, id: string, signal: AbortSignal): Promise<FileDetails>
}

export const folderType = 'application/vnd.google-apps.folder'

/** Classifies a media type: folder, document (Google's own types, which have no bytes), or file. */
export function kindOf(mimeType: string): FileKind {
  if (mimeType === folderType) return 'folder'
  return mimeType.startsWith('application/vnd.google-apps.') ? 'document' : 'file'
}

/** Escapes a text as a string literal of Drive's query language. */
export function quoteLiteral(text: string): string {
  return `'${text.replaceAll(/[\\']/g, '\\$&')}'`
}
