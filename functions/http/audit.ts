/** The audit trail: who did what, one event a line, in the log and nowhere else. See docs/audit.md. */
import type { Log } from './log.ts'

/**
 * Every event and all of its fields. `sub` is the account at Google, `credential` the SHA-256 by
 * which what was shown is stored: neither opens anything.
 */
export const auditEvents = {
  sign_in: ['sub', 'credential', 'newGrant', 'reconnect'],
  sign_in_refused: ['code', 'sub'],
  sign_out: ['sub', 'credential'],
  token_made: ['sub', 'credential', 'tokenId', 'scopes', 'folder', 'expires'],
  token_revoked: ['sub', 'credential', 'tokenId'],
  device_approved: ['sub', 'credential', 'tokenId', 'scopes', 'folder', 'expires'],
  device_denied: ['sub', 'credential'],
  policy_set: ['sub', 'credential', 'policy', 'issuer', 'scopes', 'folder', 'expires'],
  policy_removed: ['sub', 'credential', 'policy'],
  upload: ['sub', 'credential', 'way', 'fileId', 'bytes'],
  download: ['sub', 'credential', 'fileId', 'bytes', 'exportedAs'],
  grant_ended: ['sub', 'code'],
  disconnect: ['sub', 'credential', 'revokedAtGoogle'],
} as const satisfies Record<string, readonly string[]>

export type AuditEvent = keyof typeof auditEvents

/** All fields of an event; one that does not apply is `undefined` and left out. */
export type AuditFields<E extends AuditEvent> = Record<
  (typeof auditEvents)[E][number],
  string | number | boolean | undefined
>

/** Such events change who may do what, and are worth an operator's eye. */
const notable = new Set<AuditEvent>([
  'sign_in_refused',
  'token_made',
  'token_revoked',
  'device_approved',
  'policy_set',
  'policy_removed',
  'grant_ended',
  'disconnect',
])

/**
 * Writes one event.
 *
 * @param fields names and numbers; never a secret, a file's name or an address of a person
 */
export function audit<E extends AuditEvent>(log: Log, event: E, fields: AuditFields<E>): void {
  log(notable.has(event) ? 'NOTICE' : 'INFO', event, { audit: true, ...fields })
}
