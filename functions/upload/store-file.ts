/** Stores one file: applies the conflict policy, and stores once per `Idempotency-Key`. */
import { createHash } from 'node:crypto'
import type { DriveAccount } from '../drive/client/account.ts'
import { normalName } from '../drive/files/names.ts'
import type { Reservation } from '../drive/upload/buffer-pool.ts'
import type { ConflictMode, Resolution } from '../drive/upload/conflict-policy.ts'
import type { IdempotencyStore, Lease } from '../drive/upload/idempotency.ts'
import type { UploadOptions, UploadedFile, Uploads } from '../drive/upload/upload.ts'
import { GatewayError } from '../errors.ts'
import type { RequestContext } from '../http/router.ts'
import type { QuotaReservation } from '../identity/quota.ts'
import type { UploadDeps } from './deps.ts'
import type { UploadResult } from './response.ts'
import { byteLength } from './size-limits.ts'
import type { BodyChunk } from './size-limits.ts'

/** A file to store, as its client requested it. */
export interface UploadRequest {
  /** Buffer memory that the HTTP request has reserved. */
  reservation?: Reservation | undefined
  name: string
  mimeType: string
  mode: ConflictMode
  /** Finds or creates the folder; called only when the file is stored there. */
  folder(): Promise<string | undefined>
  content: AsyncIterable<BodyChunk>
  /** Bytes of the content, when declared. */
  length?: number | undefined
  quota: QuotaReservation
  /** Whether the client waits for 100 Continue; content that is not needed is then never read. */
  awaitsContinue(): boolean
  /** Required SHA-256 of the content, in hex. */
  sha256?: string | undefined
  /** Idempotency key: repeated requests with it store one file. */
  key?: string | undefined
  /** Everything that distinguishes this upload from others with the same key. */
  fingerprint: readonly unknown[]
}

export type StoreFileDeps = Pick<UploadDeps, 'uploads' | 'conflictPolicy' | 'idempotency'>

/**
 * Stores a file, or returns the result of the earlier request with the same idempotency key.
 *
 * @throws {GatewayError} `idempotency_key_in_use`, `idempotency_key_reused`, `file_exists`,
 *   `name_locked`, or an error of the upload
 */
export async function uploadFile(
  deps: StoreFileDeps,
  account: DriveAccount,
  request: UploadRequest,
  { signal, log }: Pick<RequestContext, 'signal' | 'log'>,
): Promise<UploadResult> {
  if (request.key === undefined) {
    return storeWithConflictPolicy(deps, account, request, { signal, log })
  }
  const lease = await deps.idempotency.begin(account, request.key, request.fingerprint)
  if ('result' in lease) return replayResult(lease.result as UploadResult, request)
  let isCleanedUp = true
  const options: UploadOptions = {
    ownsId: () => lease.renew(),
    onCleanupError: () => {
      isCleanedUp = false
    },
  }
  const leaseSignal = AbortSignal.any([signal, lease.leaseLost])
  let previous: UploadedFile | undefined
  let result: UploadResult
  try {
    previous = await findPreviousUpload(deps.uploads, account, lease, leaseSignal)
    const context = { signal: leaseSignal, log }
    const reserved = { id: lease.fileId, options }
    result = previous ?? (await storeWithConflictPolicy(deps, account, request, context, reserved))
  } catch (error) {
    await lease
      .abandon(isCleanedUp)
      .catch((failure: unknown) => log.failure('lease_release_failed', failure))
    throw error
  }
  // The upload succeeds even when its record cannot be written: a retry finds the file by its id.
  await lease
    .complete(result)
    .catch((failure: unknown) => log.failure('upload_result_not_recorded', failure))
  return previous ? replayResult(result, request) : result
}

/** File id and options of an upload with an idempotency key. */
interface ReservedId {
  id?: string
  options?: UploadOptions
}

/**
 * Stores a file under its conflict mode. Except for mode `new`, and for replacing a file that exists,
 * it holds a lease on the name from the lookup until the file is stored.
 *
 * @throws {GatewayError} `name_locked` while another upload holds the lease, `file_exists`
 */
async function storeWithConflictPolicy(
  deps: StoreFileDeps,
  account: DriveAccount,
  request: UploadRequest,
  { signal, log }: Pick<RequestContext, 'signal' | 'log'>,
  reserved: ReservedId = {},
): Promise<UploadResult> {
  const { name, mimeType, mode } = request
  const folder = await request.folder()
  await request.quota.reserveFile(request.length)
  const file = { name, mimeType, ...(folder === undefined ? {} : { folder }) }
  if (mode === 'new' || mode === 'replace') {
    const resolution = await deps.conflictPolicy.resolveConflict(account, file, mode, signal)
    if (mode === 'new' || isReplacement(resolution)) {
      return storeFile(deps, account, request, resolution, signal, reserved)
    }
  }
  const lease = await acquireNameLease(deps.idempotency, account, folder, name)
  const leaseSignal = AbortSignal.any([signal, lease.leaseLost])
  let result: UploadResult
  try {
    const resolution = await deps.conflictPolicy.resolveConflict(
      account,
      file,
      mode,
      leaseSignal,
      lease.checkpoint,
    )
    result = await storeFile(deps, account, request, resolution, leaseSignal, reserved)
  } catch (error) {
    const isFirst = lease.checkpoint === undefined
    await lease
      .abandon(isFirst)
      .catch((failure: unknown) => log.failure('lease_release_failed', failure))
    throw error
  }
  // The next upload of this name needs the id: Drive may list the file with a delay.
  await lease
    .release(result.id)
    .catch((failure: unknown) => log.failure('lease_release_failed', failure))
  return result
}

async function acquireNameLease(
  idempotency: IdempotencyStore,
  account: DriveAccount,
  folder = 'root',
  name: string,
): Promise<Lease> {
  try {
    // NUL keeps these keys apart from the clients' Idempotency-Keys, which are printable.
    const lease = await idempotency.begin(account, `\0${folder}\0${normalName(name)}`, ['name'])
    if (!('result' in lease)) return lease
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'idempotency_key_in_use') throw error
  }
  throw new GatewayError('name_locked', 'Another upload holds the lease on this name', {
    retryAfterSeconds: 5,
  })
}

const isReplacement = (resolution: Resolution): boolean =>
  resolution.state === 'store' && resolution.file.replaces === true

async function storeFile(
  { uploads }: StoreFileDeps,
  account: DriveAccount,
  request: UploadRequest,
  resolution: Resolution,
  signal: AbortSignal,
  { id, options = {} }: ReservedId,
): Promise<UploadResult> {
  const { content, sha256, reservation, quota } = request
  if (resolution.state === 'skip') {
    if (!request.awaitsContinue()) await hashContent(content)
    return { ...resolution.file, skipped: true }
  }
  const replaced = isReplacement(resolution)
  const file = id === undefined || replaced ? resolution.file : { ...resolution.file, id }
  const metered = quota.meter(content, byteLength)
  const stored = await uploads.store(account, file, metered, signal, {
    ...options,
    sha256,
    reservation,
  })
  quota.commit(stored.size)
  return replaced ? { ...stored, replaced } : stored
}

/** Finds the file of an earlier attempt whose instance stopped before it recorded the result. */
async function findPreviousUpload(
  uploads: Uploads,
  account: DriveAccount,
  { isRetry, fileId }: Lease,
  signal: AbortSignal,
): Promise<UploadedFile | undefined> {
  const file = isRetry ? await uploads.find(account, fileId, signal) : undefined
  if (file?.size === undefined || file.sha256 === undefined) return undefined
  return { ...file, size: file.size, sha256: file.sha256 }
}

/**
 * Returns a recorded result.
 *
 * @throws {GatewayError} `idempotency_key_reused` when the repeated request has other content
 */
async function replayResult(result: UploadResult, request: UploadRequest): Promise<UploadResult> {
  if (request.awaitsContinue()) return result
  const sha256 = await hashContent(request.content)
  if (result.skipped || sha256 === result.sha256) return result
  throw new GatewayError('idempotency_key_reused', 'The content differs from the first request')
}

/** Reads content to its end. @returns its SHA-256, in hex */
async function hashContent(content: AsyncIterable<BodyChunk>): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of content) {
    for (const bytes of Buffer.isBuffer(chunk) ? [chunk] : chunk) hash.update(bytes)
  }
  return hash.digest('hex')
}
