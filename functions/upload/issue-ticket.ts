/** Opening tickets: each with a session at Drive, and each once where its caller may ask again. */
import type { DriveAccount } from '../drive/client/account.ts'
import type { Attempt, Attempts } from '../drive/upload/idempotency.ts'
import type { DirectFile, DirectUploads } from '../drive/upload/direct-upload.ts'
import type { NewFile } from '../drive/upload/upload.ts'
import { GatewayError } from '../errors.ts'
import type { Allowance } from '../identity/quota.ts'
import type { Seal } from '../token/sealed-values.ts'
import type { Call } from '../http/router.ts'

export interface OpenTicketParts {
  direct: DirectUploads
  attempts: Attempts
  seal: Pick<Seal, 'seal' | 'open'>
  now(): number
}

/** What a caller wants a ticket for. */
export interface Wanted {
  file: NewFile & { size: number }
  /** In hex. */
  sha256: string | undefined
  /** Whose pages Drive is to let in. */
  origin: string | undefined
  /** For whom it is sealed. */
  owner: string
  /** What they may still store. */
  allowance: Allowance
}

/** A ticket, and what is behind it. */
export interface Opened extends DirectFile {
  /** Sealed: what Drive is to have in the end. */
  ticket: string
  /** The session URI, a secret; nothing where the file is there already. */
  uploadUrl: string | null
  /** Milliseconds since 1970. */
  expiresAt: number
}

/** What an earlier try has settled. */
interface Known {
  id?: string
  modifiedTime?: string
  isStored?: boolean
}

/** Drive keeps a session for a week; a day less is safe to promise. */
const lifetimeMs = 6 * 24 * 60 * 60 * 1000

export async function openTicket(
  { direct, seal, now }: OpenTicketParts,
  account: DriveAccount,
  { file, sha256, origin, owner, allowance }: Wanted,
  signal: AbortSignal,
  { isStored = false, ...known }: Known = {},
): Promise<Opened> {
  const named = await direct.prepare(account, { ...file, ...known }, signal)
  const { id, size, modifiedTime } = named
  const expiresAt = now() + lifetimeMs
  const sealed = { id, size, modifiedTime, expiresAt, ...(sha256 ? { sha256 } : {}) }
  // Sealed before there is a session: a keyring that does not answer then leaves none behind.
  const ticket = await seal.seal(ticketPurpose(owner), sealed)
  if (isStored) return { ...named, ticket, uploadUrl: null, expiresAt }
  await allowance.file(size)
  const uploadUrl = await direct.open(account, named, origin, signal)
  allowance.keep(size)
  return { ...named, ticket, uploadUrl, expiresAt }
}

/**
 * The same for a caller with an `Idempotency-Key`: who asks again is told of the file that is there,
 * or given the session that is open, or another one for the same reserved id, of which Drive makes
 * one file. What is needed for that is kept sealed: whoever reads a session URI can write to it.
 *
 * @throws {GatewayError} `idempotency_key_in_use`, `idempotency_key_reused`, or what opening one throws
 */
export async function openTicketOnce(
  parts: OpenTicketParts,
  account: DriveAccount,
  key: string,
  wanted: Wanted,
  { signal, log }: Pick<Call, 'signal' | 'log'>,
): Promise<Opened> {
  const { name, mimeType, size, folder } = wanted.file
  const { sha256, origin } = wanted
  const terms = [name, mimeType, size, folder ?? 'root', sha256 ?? null, origin ?? null]
  const attempt = await parts.attempts.begin(account, key, ['ticket', ...terms])
  if ('outcome' in attempt) throw new GatewayError('internal', 'A ticket has no outcome')
  const letGo = (): Promise<void> =>
    attempt.giveUp(false).catch((why: unknown) => log.failure('hold not ended', why))
  const held = AbortSignal.any([signal, attempt.lost])
  try {
    const opened = await goOn(parts, account, wanted, attempt, held)
    // Without its note the next try opens another session for the same id: one file all the same.
    const note = parts.seal.seal(notePurpose(wanted.owner), { ...opened })
    await note.then(attempt.rest).catch((why: unknown) => {
      log.failure('not recorded', why)
      return letGo()
    })
    return opened
  } catch (error) {
    await letGo()
    throw error
  }
}

async function goOn(
  parts: OpenTicketParts,
  account: DriveAccount,
  wanted: Wanted,
  { fileId: id, isRepeated, note }: Attempt,
  signal: AbortSignal,
): Promise<Opened> {
  if (!isRepeated) return openTicket(parts, account, wanted, signal, { id })
  const read = note === undefined ? null : await parts.seal.open(notePurpose(wanted.owner), note)
  const before = read ? (read as unknown as Opened) : undefined
  const state = await parts.direct.find(account, id, before?.uploadUrl ?? undefined, signal)
  if (before && state === 'open') return before
  if (before && state === 'stored') return { ...before, uploadUrl: null }
  const known = { id, isStored: state === 'stored' }
  const then = before ? { modifiedTime: before.modifiedTime } : {}
  return openTicket(parts, account, wanted, signal, { ...known, ...then })
}

/** Bound to its owner: another one's ticket is noise. */
export function ticketPurpose(owner: string): string {
  return `upload ticket of ${owner}`
}

function notePurpose(owner: string): string {
  return `upload ticket to go on with, of ${owner}`
}
