/** `/upload`: every way in. */
import type { DriveAccount } from '../drive/account.ts'
import type { Uploads } from '../drive/upload.ts'
import type { Route } from './handler.ts'
import type { Identify } from './identify.ts'
import { uploadForm } from './upload-form.ts'

export interface UploadParts {
  identify: Identify
  uploads: Uploads
  accountOf(sub: string): DriveAccount
  /** Bytes that one file may have. */
  maxFileBytes: number
  /** Milliseconds that a caller may send nothing. */
  idleMs: number
}

export function uploadRoutes(parts: UploadParts): Route[] {
  return [{ method: 'POST', path: /^$/, run: (call) => uploadForm(parts, call) }]
}
