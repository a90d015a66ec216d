/** Upload limits: 5 TB per file, and the user's storage quota. */
import type { Caller } from './auth-context.ts'
import { DriveError, storageQuotaExceeded } from './errors.ts'
import type { DriveContext } from './service.ts'

/** Drive's maximum file size in bytes. */
export const maxUploadSize = 5_497_558_138_880

/**
 * Checks the known size of an upload.
 *
 * @throws 403 when it exceeds the user's quota, 413 when it exceeds the maximum file size
 */
export function checkSize(context: DriveContext, caller: Caller, size: number): void {
  if (size > maxUploadSize) throw new DriveError(413, 'uploadTooLarge', 'Request Too Large')
  const remaining = context.quota.bytes - context.tree.usage(caller.sub)
  if (remaining <= 0 || size > remaining) throw storageQuotaExceeded()
}
