/** The resume offset of an upload, which only Drive knows. */
import { GatewayError } from '../../errors.ts'
import type { DriveClient } from '../client/drive-client.ts'
import { readProgress, statusRequest } from '../client/protocol.ts'
import type { StoredFile } from '../client/protocol.ts'
import { unexpectedResponse } from './upload-state.ts'

/** The stored state of an upload. */
export interface OpenUpload {
  /** Reserved for its file. */
  id: string
  /** A secret; absent when the file was uploaded in one request. */
  sessionUri?: string
  /** The file's size in bytes, when it is known. */
  length?: number
  /** Expected SHA-256 of the file in hex, when the client declared it. */
  sha256?: string
  /** RFC 3339. Set by the gateway, so that a later change of the file is detected. */
  modifiedTime?: string
}

export interface UploadOffset {
  /** Bytes that Drive has stored. */
  offset: number
  /** Set when the upload is complete. */
  file?: StoredFile
}

/**
 * Queries how many bytes Drive has stored. When the session has ended, looks for its file.
 *
 * @throws {GatewayError} `upload_gone` when Drive has neither
 */
export async function queryOffset(
  client: DriveClient,
  { id, sessionUri, length }: OpenUpload,
): Promise<UploadOffset> {
  const progress =
    sessionUri === undefined
      ? undefined
      : await client.retryPolicy.retry(async () =>
          client
            .request(statusRequest(sessionUri, length))
            .then(readProgress)
            .catch(ignoreLostSession),
        )
  if (progress?.state === 'incomplete') return { offset: progress.offset }
  const file = await client.findFile(id)
  if (file?.size !== undefined) return { offset: file.size, file }
  if (file || progress?.state === 'unclear') throw unexpectedResponse(200)
  throw new GatewayError('upload_gone', 'Drive has neither the session nor the file')
}

function ignoreLostSession(error: unknown): undefined {
  if (error instanceof GatewayError && error.code === 'upload_session_lost') return undefined
  throw error
}

export function offsetMismatch({ offset }: UploadOffset): GatewayError {
  return new GatewayError('offset_mismatch', `Drive has stored ${offset} bytes`, {
    headers: { 'upload-offset': String(offset) },
  })
}
