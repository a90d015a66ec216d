/** Issues tickets for direct uploads, and one ticket per `Idempotency-Key`. */
import type { DriveAccount } from '../drive/client/account.ts'
import type { DirectFile } from '../drive/upload/direct-upload.ts'
import type { Lease } from '../drive/upload/idempotency.ts'
import type { NewFile } from '../drive/upload/upload.ts'
import { GatewayError } from '../errors.ts'
import type { RequestContext } from '../http/router.ts'
import type { QuotaReservation } from '../identity/quota.ts'
import type { UploadDeps } from './deps.ts'
import { uploadTtlMs } from './upload-ttl.ts'

type IssueTicketDeps = Pick<UploadDeps, 'directUploads' | 'idempotency' | 'seal' | 'now'>

/** A validated request for a ticket. */
export interface TicketRequest {
  file: NewFile & { size: number }
  /** Expected SHA-256, in hex. */
  sha256: string | undefined
  /** Origin that Drive admits by CORS. */
  origin: string | undefined
  /** Subject that the ticket is sealed for. */
  owner: string
  quota: QuotaReservation
}

export interface IssuedTicket extends DirectFile {
  /** The expected file, sealed. */
  ticket: string
  /** The session URI, a secret; `null` when the file is already stored. */
  uploadUrl: string | null
  /** Milliseconds since 1970. */
  expiresAt: number
}

/** What an earlier attempt has determined. */
interface ReservedFile {
  id?: string
  modifiedTime?: string
  isStored?: boolean
}

/** Opens an upload session in Drive and seals a ticket for it. */
export async function issueTicket(
  { directUploads, seal, now }: IssueTicketDeps,
  account: DriveAccount,
  { file, sha256, origin, owner, quota }: TicketRequest,
  signal: AbortSignal,
  { isStored = false, ...reserved }: ReservedFile = {},
): Promise<IssuedTicket> {
  const prepared = await directUploads.prepare(account, { ...file, ...reserved }, signal)
  const { id, size, modifiedTime } = prepared
  const expiresAt = now() + uploadTtlMs
  const expected = { id, size, modifiedTime, expiresAt, ...(sha256 ? { sha256 } : {}) }
  // Sealed before the session is opened, so that a failing keyring leaves no session.
  const ticket = await seal.seal(ticketPurpose(owner), expected)
  if (isStored) return { ...prepared, ticket, uploadUrl: null, expiresAt }
  await quota.reserveFile(size)
  const uploadUrl = await directUploads.open(account, prepared, origin, signal)
  quota.commit(size)
  return { ...prepared, ticket, uploadUrl, expiresAt }
}

/**
 * Issues one ticket per idempotency key. A repeated request gets the stored file, the open session,
 * or a new session for the same file id, for which Drive creates one file. The checkpoint between
 * requests is sealed, because a session URI grants write access.
 *
 * @throws {GatewayError} `idempotency_key_in_use`, `idempotency_key_reused`, or an error of
 *   `issueTicket`
 */
export async function issueTicketOnce(
  deps: IssueTicketDeps,
  account: DriveAccount,
  key: string,
  request: TicketRequest,
  { signal, log }: Pick<RequestContext, 'signal' | 'log'>,
): Promise<IssuedTicket> {
  const { name, mimeType, size, folder } = request.file
  const { sha256, origin } = request
  const fingerprint = [name, mimeType, size, folder ?? 'root', sha256 ?? null, origin ?? null]
  const lease = await deps.idempotency.begin(account, key, ['ticket', ...fingerprint])
  if ('result' in lease) throw new GatewayError('internal', 'A ticket lease has a result')
  const abandon = (): Promise<void> =>
    lease.abandon(false).catch((failure: unknown) => log.failure('lease_release_failed', failure))
  try {
    const leaseSignal = AbortSignal.any([signal, lease.leaseLost])
    const issued = await resumeTicket(deps, account, request, lease, leaseSignal)
    // Without the checkpoint, a retry opens another session for the same file id: still one file.
    const checkpoint = deps.seal.seal(checkpointPurpose(request.owner), { ...issued })
    await checkpoint.then(lease.release).catch((failure: unknown) => {
      log.failure('ticket_not_recorded', failure)
      return abandon()
    })
    return issued
  } catch (error) {
    await abandon()
    throw error
  }
}

async function resumeTicket(
  deps: IssueTicketDeps,
  account: DriveAccount,
  request: TicketRequest,
  { fileId: id, isRetry, checkpoint }: Lease,
  signal: AbortSignal,
): Promise<IssuedTicket> {
  if (!isRetry) return issueTicket(deps, account, request, signal, { id })
  const unsealed =
    checkpoint === undefined
      ? null
      : await deps.seal.open(checkpointPurpose(request.owner), checkpoint)
  const previous = unsealed ? (unsealed as unknown as IssuedTicket) : undefined
  const uploadUrl = previous?.uploadUrl ?? undefined
  const state = await deps.directUploads.status(account, id, uploadUrl, signal)
  if (previous && state === 'open') return previous
  if (previous && state === 'stored') return { ...previous, uploadUrl: null }
  const reserved = { id, isStored: state === 'stored' }
  const modified = previous ? { modifiedTime: previous.modifiedTime } : {}
  return issueTicket(deps, account, request, signal, { ...reserved, ...modified })
}

/** Purpose that a ticket is sealed for; only its owner can open it. */
export function ticketPurpose(owner: string): string {
  return `upload ticket of ${owner}`
}

function checkpointPurpose(owner: string): string {
  return `upload ticket checkpoint of ${owner}`
}
