/** How much may be uploaded: 5 TB a file, and what is left of the person's quota. */
import type { Caller } from './auth-context.ts'
import { DriveError, storageQuotaExceeded } from './errors.ts'
import type { Place } from './service.ts'

/** Drive's largest file, in bytes. */
export const maxUploadSize = 5_497_558_138_880

/**
 * Checks the size of an upload, as far as it is known.
 *
 * @throws 403 when the person's Drive is too full for it, 413 when no Drive would take it
 */
export function checkSize(place: Place, caller: Caller, size: number): void {
  if (size > maxUploadSize) throw new DriveError(413, 'uploadTooLarge', 'Request Too Large')
  const left = place.quota.bytes - place.tree.usage(caller.sub)
  if (left <= 0 || size > left) throw storageQuotaExceeded()
}
