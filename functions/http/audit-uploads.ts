/** The audit trail of uploads: one event for each file that was stored. */
import type { Principal } from '../identity/principal.ts'
import { audit } from './audit.ts'
import type { Log } from './log.ts'

/** @param files as they are in Drive now; one that was there before, and was left, is no upload */
export function auditUploads(
  log: Log,
  { sub, id: credential }: Pick<Principal, 'sub' | 'id'>,
  way: 'form' | 'raw' | 'tus' | 'ticket',
  files: readonly { id: string; size: number; skipped?: true }[],
): void {
  for (const { id: fileId, size: bytes, skipped } of files) {
    if (!skipped) audit(log, 'upload', { sub, credential, way, fileId, bytes })
  }
}
