/**
 * Stateless resumable uploads, continued request by request on any instance: each request carries the
 * whole state of its upload, and the offset is queried from Drive.
 */
import { createHash } from 'node:crypto'
import { GatewayError } from '../../errors.ts'
import { delayAbort, raceAbort } from '../client/abort-signals.ts'
import type { DriveAccount } from '../client/account.ts'
import { createCleanupClient, createDriveClient } from '../client/drive-client.ts'
import type { DriveClient } from '../client/drive-client.ts'
import { toGatewayError } from '../client/errors.ts'
import {
  getFileRequest,
  openSessionRequest,
  readModifiedTime,
  readSessionUri,
} from '../client/protocol.ts'
import type { StoredFile } from '../client/protocol.ts'
import { admitOnFirstBytes } from './admit-source.ts'
import { appendChunks } from './append-chunks.ts'
import type { AppendRequest } from './append-chunks.ts'
import { createChunkSizer } from './chunk-size.ts'
import { createSendBuffer } from './send-buffer.ts'
import { createUploadLocks } from './upload-lock.ts'
import { offsetMismatch, queryOffset } from './upload-offset.ts'
import type { OpenUpload, UploadOffset } from './upload-offset.ts'
import { verifyStored } from './upload-state.ts'
import type { NewFile, UploadsDeps } from './upload.ts'

export interface OpenOptions {
  /** The file's size in bytes, when it is known. */
  length: number | undefined
  /** The only origin whose pages may send bytes to the session URI themselves. */
  origin: string | undefined
}

export interface UploadSessions {
  open(
    account: DriveAccount,
    file: NewFile,
    options: OpenOptions,
    signal: AbortSignal,
  ): Promise<Required<Pick<OpenUpload, 'id' | 'sessionUri'>>>
  /** @throws {GatewayError} `upload_gone` when Drive has neither the session nor its file */
  offset(account: DriveAccount, upload: OpenUpload, signal: AbortSignal): Promise<UploadOffset>
  /**
   * Appends as many bytes as Drive accepts: all of them when they complete the file, else whole units
   * of 256 KiB. The returned offset counts this source's bytes only, never another writer's.
   *
   * @param signal ends the reading; bytes that have arrived are still sent to Drive
   * @returns the offset that Drive has stored, which may be unchanged
   * @throws {GatewayError} `offset_mismatch` when the request's offset is not the one that Drive has
   *   stored, `upload_locked` when a newer request came before any byte was stored,
   *   `integrity_check_failed` or `digest_mismatch` when the file is wrong and has been deleted
   */
  append(
    account: DriveAccount,
    upload: OpenUpload,
    request: AppendRequest,
    signal: AbortSignal,
  ): Promise<UploadOffset>
  /** Cancels an upload that no client knows, and deletes its file if it is already complete. */
  cancel(account: DriveAccount, upload: OpenUpload): Promise<void>
  /**
   * Cancels the upload, and deletes its file if it is complete and has not been modified since.
   *
   * @throws {GatewayError} `file_changed_after_upload` for a file that was modified
   */
  terminate(account: DriveAccount, upload: OpenUpload): Promise<void>
}

/** Milliseconds after a disconnect in which bytes that have already arrived are still read. */
const readGraceMs = 50

export interface UploadSessionsDeps extends UploadsDeps {
  /** Milliseconds after a disconnect in which bytes that were read are still sent to Drive. */
  sendGraceMs?: number | undefined
}

export function createUploadSessions(deps: UploadSessionsDeps): UploadSessions {
  const { sendGraceMs = 2_000 } = deps
  const locks = createUploadLocks()

  const cleanupClient = (account: DriveAccount): DriveClient => createCleanupClient(deps, account)

  return {
    async open(account, file, { length, origin }, signal) {
      const client = createDriveClient(deps, account, signal)
      const id = await raceAbort(signal, deps.fileIds.take(account))
      const sessionOptions = {
        ...(length === undefined ? {} : { size: length }),
        ...(origin === undefined ? {} : { origin }),
      }
      const request = openSessionRequest(client.root, { ...file, id }, sessionOptions)
      const sessionUri = await client.retryPolicy.retry(async () =>
        readSessionUri(await client.create(request), client.root),
      )
      if (!signal.aborted) return { id, sessionUri }
      const onError = (error: unknown): void => deps.onCleanupError?.(id, error)
      await cleanupClient(account).cancelSession(sessionUri).catch(onError)
      throw signal.reason
    },

    offset: (account, upload, signal) =>
      queryOffset(createDriveClient(deps, account, signal), upload),

    async append(account, upload, { source, size, ...request }, signal) {
      const chunkSizer = createChunkSizer(deps.chunkBytes)
      const reservation = deps.bufferPool.reserve(size)
      if (!request.isAtomic) reservation.demand = 2 * chunkSizer.max
      const lock = await locks.acquire(upload.id, uploadLocked())
      const stop = AbortSignal.any([signal, lock.preempted])
      const client = createDriveClient(deps, account, delayAbort(stop, sendGraceMs))
      const hash = createHash('sha256')
      let failure: { cause: unknown } | undefined
      const admitted = admitOnFirstBytes(source, reservation, stop)
      const readable = endOnError(admitted, delayAbort(stop, readGraceMs), (cause) => {
        failure = { cause }
      })
      const buffer = createSendBuffer(readable, reservation, (bytes) => void hash.update(bytes))
      try {
        stop.throwIfAborted()
        const since = performance.now()
        const start = request.isFirst ? { offset: 0 } : await queryOffset(client, upload)
        if (start.offset !== request.offset || start.file) throw offsetMismatch(start)
        chunkSizer.recordLatency(performance.now() - since)
        if (request.isAtomic) {
          await raceAbort(client.signal, buffer.waitFor(Infinity))
          if (failure) throw failure.cause
          if (!buffer.isComplete) throw bufferFull()
        }
        const isWhole = (): boolean => buffer.isComplete && !failure
        const chunks = { ...request, upload, buffer, reservation, chunkSizer, isWhole }
        const { offset, file } = await appendChunks(client, chunks)
        if (file) {
          const streamed = request.offset === 0 ? hash.digest('hex') : undefined
          return { offset, file: await verify(client, upload, file, offset, streamed) }
        }
        // Bytes that were stored before a newer request preempted this one are reported.
        if (failure && !(stop.aborted && offset > request.offset)) throw failure.cause
        return { offset }
      } catch (error) {
        if (error instanceof GatewayError && isIntegrityError(error)) {
          const onError = (cause: unknown): void => deps.onCleanupError?.(upload.id, cause)
          await cleanupClient(account).deleteFile(upload.id).catch(onError)
        }
        throw error
      } finally {
        buffer.close()
        reservation.close()
        lock.release()
      }
    },

    async cancel(account, { id, sessionUri }) {
      if (sessionUri !== undefined) await cleanupClient(account).cancelSession(sessionUri)
      await cleanupClient(account).deleteFile(id) // the last chunk may have completed before
    },

    async terminate(account, { id, sessionUri, modifiedTime }) {
      if (sessionUri !== undefined) await cleanupClient(account).cancelSession(sessionUri)
      const client = cleanupClient(account)
      await requireUnmodified(client, id, modifiedTime)
      await client.deleteFile(id)
    },
  }
}

/**
 * Checks that a file, if it exists, has the modification time that its upload has set. A replacement
 * keeps the id and changes the time.
 *
 * @param modifiedTime missing in the upload URLs of earlier versions, whose files are kept
 */
async function requireUnmodified(
  client: DriveClient,
  id: string,
  modifiedTime = '',
): Promise<void> {
  const response = await client.retryPolicy.retry(async () => {
    const received = await client.request(getFileRequest(client.root, id))
    if (received.status !== 200 && received.status !== 404) throw toGatewayError(received)
    return received
  })
  if (response.status === 404) return
  if (readModifiedTime(response.body) === Date.parse(modifiedTime)) return
  throw new GatewayError('file_changed_after_upload', 'The file was modified after the upload')
}

function bufferFull(): GatewayError {
  return new GatewayError('over_capacity', 'The buffer pool cannot hold the whole request body')
}

function uploadLocked(): GatewayError {
  return new GatewayError('upload_locked', 'A newer request writes to this upload')
}

/**
 * Ends the iteration when the source throws, so that the bytes before the error are kept.
 *
 * @param stop also ends the iteration
 */
async function* endOnError(
  source: AsyncIterable<Buffer>,
  stop: AbortSignal,
  onError: (cause: unknown) => void,
): AsyncGenerator<Buffer, void, undefined> {
  const pieces = source[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = await raceAbort(stop, pieces.next())
      if (next.done) return
      yield next.value
    }
  } catch (error) {
    onError(error)
  } finally {
    // A stuck source ends as soon as it yields.
    void pieces.return?.().catch(() => {})
  }
}

/**
 * @param streamed SHA-256 of the whole file, when a single request carried it
 * @throws {GatewayError} `integrity_check_failed`, `digest_mismatch`
 */
async function verify(
  client: DriveClient,
  { id, sha256 }: OpenUpload,
  stored: StoredFile,
  size: number,
  streamed: string | undefined,
): Promise<StoredFile> {
  const expected = { id, size, ...(streamed === undefined ? {} : { sha256: streamed }) }
  const file = await verifyStored(client, stored, expected)
  if (sha256 !== undefined && file.sha256 !== sha256) {
    throw new GatewayError('digest_mismatch', 'Drive’s sha256 differs from the client’s')
  }
  return file
}

function isIntegrityError({ code }: GatewayError): boolean {
  return code === 'integrity_check_failed' || code === 'digest_mismatch'
}
