import type { DriveAccount } from '../drive/client/account.ts'
import type { Downloads } from '../drive/files/download.ts'
import type { Folders } from '../drive/files/folders.ts'
import type { Files } from '../drive/files/listing.ts'
import type { Authenticate } from '../http/authenticate.ts'
import type { FolderScope } from '../http/folder-scope.ts'

/** Services and settings of the `/files` routes. */
export interface FilesDeps {
  authenticate: Authenticate
  accountOf(sub: string): DriveAccount
  folderScope: FolderScope
  files: Files
  folders: Pick<Folders, 'ensureFolder'>
  downloads: Downloads
  /** Maximum Content-Length of an HTTP/1 response, set by a front end; `null` without one. */
  maxResponseBytes: number | null
  /** Milliseconds in which the client must read from a response. */
  idleTimeoutMs: number
}
