/** State of one upload, and the file that it may have created. */
import { GatewayError } from '../../errors.ts'
import type { ProblemCode } from '../../errors.ts'
import type { DriveClient } from '../client/drive-client.ts'
import type { FileMetadata, StoredFile } from '../client/protocol.ts'
import { decideStatus } from '../client/status-decisions.ts'
import type { DriveResponse } from '../client/transport.ts'
import type { ChunkSource } from './chunk-size.ts'

export interface UploadState extends ChunkSource {
  metadata: FileMetadata
  /** A secret; set once a session is open. */
  sessionUri: string | undefined
  /** Whether one of our requests may have created the file. */
  mayExist: boolean
  /** SHA-256 of the bytes read so far, in hex. */
  sha256(): string
}

/** Sends a request that may create the file. Only an error that Drive decided on shows that it did not. */
export async function sendCreating(
  upload: UploadState,
  send: () => Promise<DriveResponse>,
): Promise<DriveResponse> {
  const { mayExist } = upload
  upload.mayExist = true
  const response = await send()
  if (response.status >= 400 && !decideStatus(response.status).isUnclear) upload.mayExist = mayExist
  return response
}

/**
 * Finds the file under the reserved id, which an earlier attempt has created.
 *
 * @throws {GatewayError} `upstream_bad_response` when there is none
 */
export async function requireExisting(
  client: DriveClient,
  upload: UploadState,
): Promise<StoredFile> {
  const file = await findStored(client, upload)
  if (file) return file
  throw new GatewayError('upstream_bad_response', 'Drive rejects the id as used, but has no file')
}

/**
 * Finds the file of this upload, if Drive has it. A file that is being replaced existed before: only
 * its content shows whether it has been replaced.
 */
export async function findStored(
  client: DriveClient,
  { metadata, buffer, sha256 }: UploadState,
): Promise<StoredFile | undefined> {
  const file = await client.findFile(metadata.id)
  if (!metadata.replaces) return file
  return file?.size === buffer.end && file.sha256 === sha256() ? file : undefined
}

/**
 * Compares Drive's file with the expected values. Requests the file again when the response omits its
 * size or checksum.
 *
 * @throws {GatewayError} `code` when a value differs
 */
export async function verifyStored<E extends Partial<StoredFile> & { id: string }>(
  client: DriveClient,
  stored: StoredFile,
  expected: E,
  code: ProblemCode = 'integrity_check_failed',
): Promise<StoredFile & E> {
  const isDescribed = stored.size !== undefined && stored.sha256 !== undefined
  const file = isDescribed ? stored : ((await client.findFile(expected.id)) ?? stored)
  for (const key of ['id', 'name', 'size', 'sha256'] as const) {
    if (!(key in expected) || file[key] === expected[key]) continue
    throw new GatewayError(code, `Drive’s ${key} differs from the upload’s`)
  }
  return { ...file, ...expected }
}

export function unexpectedResponse(status: number): GatewayError {
  return new GatewayError(
    'upstream_bad_response',
    `Drive returned an unexpected response (${status})`,
  )
}
