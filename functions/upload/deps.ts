import type { DriveAccount } from '../drive/client/account.ts'
import type { Folders } from '../drive/files/folders.ts'
import type { ConflictPolicy } from '../drive/upload/conflict-policy.ts'
import type { DirectUploads } from '../drive/upload/direct-upload.ts'
import type { IdempotencyStore } from '../drive/upload/idempotency.ts'
import type { UploadLengths } from '../drive/upload/upload-lengths.ts'
import type { UploadSessions } from '../drive/upload/upload-session.ts'
import type { Uploads } from '../drive/upload/upload.ts'
import type { Authenticate, Authentication } from '../http/authenticate.ts'
import type { OriginPolicy } from '../http/cors.ts'
import type { FolderScope } from '../http/folder-scope.ts'
import type { SingleUseStore } from '../identity/login-state.ts'
import type { Quotas } from '../identity/quota.ts'
import type { Seal } from '../token/sealed-values.ts'

/** Services and settings of the `/upload` routes. */
export interface UploadDeps {
  authenticate: Authenticate
  confirm: Authentication['confirm']
  accountOf(sub: string): DriveAccount
  folderScope: FolderScope
  quotas: Quotas
  uploads: Uploads
  uploadSessions: UploadSessions
  uploadLengths: UploadLengths
  directUploads: DirectUploads
  folders: Folders
  conflictPolicy: ConflictPolicy
  idempotency: IdempotencyStore
  singleUse: SingleUseStore
  seal: Pick<Seal, 'seal' | 'open'>
  origins: Pick<OriginPolicy, 'isAllowed'>
  publicUrl: string
  /** Maximum bytes per file. */
  maxFileBytes: number
  /** Maximum bytes per HTTP/1 request, set by a front end; `null` without one. */
  maxRequestBytes: number | null
  /** Milliseconds without a byte from the client until its request fails with `too_slow`. */
  idleTimeoutMs: number
  /** Timeout in milliseconds of the offset query after a failed PATCH. */
  offsetQueryTimeoutMs?: number | undefined
  /** Returns milliseconds since 1970. */
  now(): number
}
