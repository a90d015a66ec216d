/**
 * Direct uploads: the client sends the bytes straight to Drive. The gateway opens the session, and
 * verifies the file afterwards.
 */
import { GatewayError } from '../../errors.ts'
import { raceAbort } from '../client/abort-signals.ts'
import type { DriveAccount } from '../client/account.ts'
import { createCleanupClient, createDriveClient } from '../client/drive-client.ts'
import type { DriveClient, DriveClientOptions } from '../client/drive-client.ts'
import { toGatewayError } from '../client/errors.ts'
import {
  getFileRequest,
  openSessionRequest,
  readFile,
  readModifiedTime,
  readProgress,
  readSessionUri,
  statusRequest,
} from '../client/protocol.ts'
import type { FileMetadata } from '../client/protocol.ts'
import type { FileIdPool } from './file-id-pool.ts'
import type { NewFile, UploadedFile } from './upload.ts'

/** A file that the client uploads, with the properties that identify it afterwards. */
export interface DirectFile extends NewFile {
  /** Reserved for this file. */
  id: string
  /** Bytes. */
  size: number
  /** RFC 3339. Set by the gateway, so that a later change of the file is detected. */
  modifiedTime: string
}

/** The properties that the uploaded file must have. */
export type ExpectedFile = Pick<DirectFile, 'id' | 'size' | 'modifiedTime'> & {
  /** In hex, when the client declared it. */
  sha256?: string
}

export interface DirectUploads {
  /** Completes the metadata of a file before its session is opened. Keeps a given id. */
  prepare(
    account: DriveAccount,
    file: NewFile & { size: number },
    signal: AbortSignal,
  ): Promise<DirectFile>
  /**
   * Returns the status of a file and of its session.
   *
   * @param sessionUri absent when no session was opened
   */
  status(
    account: DriveAccount,
    id: string,
    sessionUri: string | undefined,
    signal: AbortSignal,
  ): Promise<'stored' | 'open' | 'gone'>
  /**
   * Opens a session for a file, limited to exactly its size and type.
   *
   * @param origin the only origin whose pages may use the session; absent for a client that is no page
   * @returns the session URI, a secret: it allows sending the bytes of this one file, and nothing
   *   else, until the file is complete or a week has passed
   */
  open(
    account: DriveAccount,
    file: DirectFile,
    origin: string | undefined,
    signal: AbortSignal,
  ): Promise<string>
  /**
   * Verifies the uploaded file. A file that differs is deleted, unless it was modified after the
   * upload.
   *
   * @throws {GatewayError} `upload_incomplete` when there is no file yet, `integrity_check_failed` or
   *   `digest_mismatch` when it differs, `file_changed_after_upload` when it was modified
   */
  verify(account: DriveAccount, expected: ExpectedFile, signal: AbortSignal): Promise<UploadedFile>
}

export interface DirectUploadsDeps extends DriveClientOptions {
  fileIds: FileIdPool
  /** Called when a file or session could not be deleted. */
  onCleanupError?: (id: string, error: unknown) => void
}

export function createDirectUploads(
  deps: DirectUploadsDeps,
  now: () => number = Date.now,
): DirectUploads {
  async function cleanUp(
    account: DriveAccount,
    id: string,
    run: (client: DriveClient) => Promise<void>,
  ): Promise<void> {
    const client = createCleanupClient(deps, account)
    await run(client).catch((error: unknown) => deps.onCleanupError?.(id, error))
  }

  return {
    async prepare(account, file, signal) {
      const id = file.id ?? (await raceAbort(signal, deps.fileIds.take(account)))
      return { ...file, id, modifiedTime: file.modifiedTime ?? new Date(now()).toISOString() }
    },

    async status(account, id, sessionUri, signal) {
      const client = createDriveClient(deps, account, signal)
      if (await client.findFile(id)) return 'stored'
      if (sessionUri === undefined) return 'gone'
      try {
        const progress = await client.retryPolicy.retry(async () =>
          readProgress(await client.request(statusRequest(sessionUri, undefined))),
        )
        return progress.state === 'incomplete' ? 'open' : 'stored'
      } catch (error) {
        if (error instanceof GatewayError && error.code === 'upload_session_lost') return 'gone'
        throw error
      }
    },

    async open(account, { size, ...metadata }, origin, signal) {
      const client = createDriveClient(deps, account, signal)
      const sessionOptions = { size, ...(origin === undefined ? {} : { origin }) }
      const request = openSessionRequest(
        client.root,
        metadata satisfies FileMetadata,
        sessionOptions,
      )
      const sessionUri = await client.retryPolicy.retry(async () =>
        readSessionUri(await client.create(request), client.root),
      )
      if (!signal.aborted) return sessionUri
      await cleanUp(account, metadata.id, (cleanup) => cleanup.cancelSession(sessionUri))
      throw signal.reason
    },

    async verify(account, expected, signal) {
      const client = createDriveClient(deps, account, signal)
      const { id } = expected
      const { file, isUnmodified } = await client.retryPolicy.retry(() =>
        requestFile(client, expected),
      )
      const error = mismatch(file, expected)
      if (!error) return file
      if (!isUnmodified) {
        throw new GatewayError(
          'file_changed_after_upload',
          'The file was modified after the upload',
          { cause: error },
        )
      }
      await cleanUp(account, id, (cleanup) => cleanup.deleteFile(id))
      throw error
    },
  }
}

/** @throws {GatewayError} `upload_incomplete`, or `upstream_bad_response` without size or checksum */
async function requestFile(
  client: DriveClient,
  { id, modifiedTime }: ExpectedFile,
): Promise<{ file: UploadedFile; isUnmodified: boolean }> {
  const response = await client.request(getFileRequest(client.root, id))
  if (response.status === 404) {
    throw new GatewayError('upload_incomplete', 'Drive has no file under the reserved id')
  }
  const stored = response.status === 200 ? readFile(response.body) : undefined
  if (!stored) throw toGatewayError(response)
  const { size, sha256 } = stored
  if (stored.id !== id || size === undefined || sha256 === undefined) {
    throw new GatewayError('upstream_bad_response', 'Drive’s file has no size or checksum')
  }
  const isUnmodified = readModifiedTime(response.body) === Date.parse(modifiedTime)
  return { file: { ...stored, size, sha256 }, isUnmodified }
}

/** Compares size and checksum. The name is not compared, as the user may have renamed the file. */
function mismatch(
  file: UploadedFile,
  { size, sha256 = file.sha256 }: ExpectedFile,
): GatewayError | undefined {
  if (file.size !== size) {
    return new GatewayError('integrity_check_failed', `Drive has ${file.size} bytes of ${size}`)
  }
  if (file.sha256 === sha256) return undefined
  return new GatewayError('digest_mismatch', 'Drive’s sha256 differs from the client’s')
}
