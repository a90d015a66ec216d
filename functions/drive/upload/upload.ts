/** Uploads a stream of bytes into one Drive file: exactly once, resumable, and verified. */
import { createHash } from 'node:crypto'
import { GatewayError } from '../../errors.ts'
import { forwardAbort, raceAbort } from '../client/abort-signals.ts'
import type { DriveAccount } from '../client/account.ts'
import { createCleanupClient, createDriveClient } from '../client/drive-client.ts'
import type { DriveClient, DriveClientOptions } from '../client/drive-client.ts'
import type { FileMetadata, StoredFile } from '../client/protocol.ts'
import { admitOnFirstBytes } from './admit-source.ts'
import type { BufferPool, Reservation } from './buffer-pool.ts'
import { createChunkSizer } from './chunk-size.ts'
import type { FileIdPool } from './file-id-pool.ts'
import { uploadMultipart } from './multipart-upload.ts'
import { uploadResumable } from './resumable-upload.ts'
import { createSendBuffer } from './send-buffer.ts'
import type { ByteSource } from './send-buffer.ts'
import { verifyStored } from './upload-state.ts'
import type { UploadState } from './upload-state.ts'

/** A completely stored file. Its size and SHA-256 are those of the streamed bytes. */
export type UploadedFile = StoredFile & { size: number; sha256: string }

/** Metadata of a file to upload. By default its id is reserved by the upload. */
export type NewFile = Omit<FileMetadata, 'id'> & { id?: string }

export interface UploadOptions {
  /** From `reserve()`. By default the upload makes its own reservation. */
  reservation?: Reservation | undefined
  /** SHA-256 that the source must have, in hex. Nothing is stored when it differs. */
  sha256?: string | undefined
  /** Whether this upload still owns its id; called before the file under the id is deleted. */
  ownsId?: (() => Promise<boolean>) | undefined
  /** Called when a cleanup failed, so that the id must not be forgotten. */
  onCleanupError?: (() => void) | undefined
}

export interface Uploads {
  /**
   * Returns a reservation for an upload, whose memory is reserved when its first bytes arrive.
   *
   * @param bytes size of the body, when it is known
   */
  reserve(bytes?: number): Reservation
  /**
   * Stores all bytes of the source as one new file, or as the new content of an existing one.
   *
   * @param source its end means that the file is complete; an error means that it is not
   * @param signal aborts the upload
   * @throws {GatewayError} after which Drive has neither the file nor an open session. A file that was
   *   to be replaced is never deleted
   * @throws the source's error or the signal's reason, with the same guarantee
   */
  store(
    account: DriveAccount,
    file: NewFile,
    source: ByteSource,
    signal: AbortSignal,
    options?: UploadOptions,
  ): Promise<UploadedFile>
  /** @returns the file with this id, or `undefined` when Drive has none */
  find(account: DriveAccount, id: string, signal: AbortSignal): Promise<StoredFile | undefined>
  /**
   * Deletes a file permanently, without the bin.
   *
   * @param sha256 deletes the file only if it has this content
   * @throws {GatewayError} `file_changed_after_upload` for other content
   */
  remove(account: DriveAccount, id: string, sha256?: string): Promise<void>
}

export interface UploadsDeps extends DriveClientOptions {
  fileIds: FileIdPool
  bufferPool: BufferPool
  /** Size of every chunk, a multiple of 256 KiB. By default it adapts to rate and latency. */
  chunkBytes?: number
  /** Called when a file or session could not be deleted after a failure. */
  onCleanupError?: (id: string, error: unknown) => void
}

export function createUploads(deps: UploadsDeps): Uploads {
  const { bufferPool, chunkBytes } = deps

  const cleanupClient = (account: DriveAccount): DriveClient => createCleanupClient(deps, account)

  /** Deletes the session and the file after a failure. */
  async function cleanUp(
    account: DriveAccount,
    upload: UploadState,
    options: UploadOptions,
  ): Promise<void> {
    const { id, replaces } = upload.metadata
    const onError = (error: unknown): void => {
      deps.onCleanupError?.(id, error)
      options.onCleanupError?.()
    }
    if (upload.sessionUri !== undefined) {
      await cleanupClient(account).cancelSession(upload.sessionUri).catch(onError)
    }
    if (!upload.mayExist || replaces) return
    try {
      if ((await options.ownsId?.()) !== false) await cleanupClient(account).deleteFile(id)
    } catch (error) {
      onError(error)
    }
  }

  return {
    reserve: (bytes) => bufferPool.reserve(bytes),

    async store(account, file, source, signal, options = {}) {
      const hash = createHash('sha256')
      let digest: string | undefined
      const sha256 = (): string => {
        if (!buffer.isComplete) return hash.copy().digest('hex') // more bytes may follow
        return (digest ??= hash.digest('hex'))
      }
      const checked =
        options.sha256 === undefined ? source : verifyDigest(source, options.sha256, sha256)
      const chunkSizer = createChunkSizer(chunkBytes)
      const reservation = options.reservation ?? bufferPool.reserve()
      reservation.demand = 2 * chunkSizer.max
      // An error of the source aborts the requests, like a disconnect of the client.
      const ending = new AbortController()
      const stopForwarding = forwardAbort(signal, ending)
      const onBytes = (bytes: Buffer): void => void hash.update(bytes)
      const admitted = admitOnFirstBytes(checked, reservation, ending.signal)
      const buffer = createSendBuffer(admitted, reservation, onBytes, ending)
      const client = createDriveClient(deps, account, ending.signal)
      const metadata: FileMetadata = { ...file, id: file.id ?? '' }
      const upload: UploadState = {
        metadata,
        buffer,
        reservation,
        chunkSizer,
        sessionUri: undefined,
        mayExist: false,
        sha256,
      }
      try {
        metadata.id ||= await raceAbort(client.signal, deps.fileIds.take(account))
        await raceAbort(client.signal, buffer.waitFor(chunkSizer.max + 1))
        const stored =
          buffer.isComplete && buffer.end <= chunkSizer.max
            ? await uploadMultipart(client, upload)
            : await uploadResumable(client, upload)
        return await verify(client, upload, stored)
      } catch (error) {
        const reason: unknown = client.signal.aborted ? client.signal.reason : error
        buffer.close()
        await cleanUp(account, upload, options)
        throw reason
      } finally {
        stopForwarding()
        buffer.close()
        if (!options.reservation) reservation.close()
      }
    },

    find: (account, id, signal) => createDriveClient(deps, account, signal).findFile(id),

    async remove(account, id, sha256) {
      const client = cleanupClient(account)
      const stored = sha256 === undefined ? undefined : await client.findFile(id)
      if (stored?.sha256 !== undefined && stored.sha256 !== sha256) {
        throw new GatewayError('file_changed_after_upload', 'The file has other content now')
      }
      await client.deleteFile(id)
    },
  }
}

/**
 * Yields the same bytes.
 *
 * @throws {GatewayError} `digest_mismatch` at the end when their SHA-256 differs
 */
async function* verifyDigest(
  source: ByteSource,
  expected: string,
  sha256: () => string,
): AsyncGenerator<Buffer | readonly Buffer[], void, undefined> {
  yield* source
  if (sha256() === expected) return
  throw new GatewayError('digest_mismatch', 'The SHA-256 of the body differs from the declared one')
}

/** Compares the stored file with the streamed bytes. */
async function verify(
  client: DriveClient,
  { metadata: { id, name, replaces }, buffer, sha256 }: UploadState,
  stored: StoredFile,
): Promise<UploadedFile> {
  client.signal.throwIfAborted()
  const code = replaces ? 'integrity_check_failed_replaced' : 'integrity_check_failed'
  if (!buffer.isComplete) {
    throw new GatewayError(code, 'Drive completed the upload before the last byte was sent')
  }
  const expected = { id, name, size: buffer.end, sha256: sha256() }
  return verifyStored(client, stored, expected, code)
}
