/** The audit trail: one log line per event. See docs/audit.md. */
import type { Principal } from '../identity/principal.ts'
import type { Log } from './log.ts'

/**
 * All events and their fields. `sub` is the Google account, `credential` the SHA-256 of the secret:
 * neither grants access.
 */
export const auditEvents = {
  sign_in: ['sub', 'credential', 'newGrant', 'reconnect'],
  sign_in_refused: ['code', 'sub'],
  sign_out: ['sub', 'credential'],
  session_revoked: ['sub', 'credential', 'sessionId'],
  token_created: ['sub', 'credential', 'tokenId', 'scopes', 'folder', 'expires'],
  token_revoked: ['sub', 'credential', 'tokenId'],
  device_approved: ['sub', 'credential', 'tokenId', 'scopes', 'folder', 'expires'],
  device_denied: ['sub', 'credential'],
  policy_set: ['sub', 'credential', 'policy', 'issuer', 'scopes', 'folder', 'expires'],
  policy_removed: ['sub', 'credential', 'policy'],
  upload: ['sub', 'credential', 'method', 'fileId', 'bytes'],
  download: ['sub', 'credential', 'fileId', 'bytes', 'exportedAs'],
  grant_revoked: ['sub', 'code'],
  disconnect: ['sub', 'credential', 'revokedAtGoogle'],
} as const satisfies Record<string, readonly string[]>

export type AuditEvent = keyof typeof auditEvents

/** The fields of an event. A field that does not apply is `undefined` and omitted. */
export type AuditFields<E extends AuditEvent> = Record<
  (typeof auditEvents)[E][number],
  string | number | boolean | undefined
>

/** Events that change permissions; logged with severity NOTICE. */
const notable = new Set<AuditEvent>([
  'sign_in_refused',
  'session_revoked',
  'token_created',
  'token_revoked',
  'device_approved',
  'policy_set',
  'policy_removed',
  'grant_revoked',
  'disconnect',
])

/**
 * Writes one event.
 *
 * @param fields identifiers and numbers; never a secret, a file name or an e-mail address
 */
export function audit<E extends AuditEvent>(log: Log, event: E, fields: AuditFields<E>): void {
  log(notable.has(event) ? 'NOTICE' : 'INFO', event, { audit: true, ...fields })
}

/** Writes one `upload` event for each stored file; a skipped file is not an upload. */
export function auditUploads(
  log: Log,
  { sub, id: credential }: Pick<Principal, 'sub' | 'id'>,
  method: 'form' | 'raw' | 'tus' | 'ticket',
  files: readonly { id: string; size: number; skipped?: true }[],
): void {
  for (const { id: fileId, size: bytes, skipped } of files) {
    if (!skipped) audit(log, 'upload', { sub, credential, method, fileId, bytes })
  }
}
