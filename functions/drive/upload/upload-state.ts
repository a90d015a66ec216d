/** One file on its way, and what is known of it at Drive. */
import { GatewayError } from '../../errors.ts'
import type { Room } from './buffer-pool.ts'
import type { Line } from '../client/drive-client.ts'
import type { Pace } from './chunk-size.ts'
import type { FileMetadata, StoredFile } from '../client/protocol.ts'
import type { DriveAnswer } from '../client/transport.ts'
import type { Window } from './send-buffer.ts'

export interface Upload {
  metadata: FileMetadata
  window: Window
  /** What the window's blocks come from. */
  room: Room
  pace: Pace
  /** Where the session is, once one is open; a secret. */
  sessionUri: string | undefined
  /** Whether something of ours may have made the file. */
  mayExist: boolean
  /** SHA-256 of what has come so far, in hex. */
  sha256(): string
}

/** Sends what may make the file; only a clear refusal says that it did not. */
export async function mayCreate(
  upload: Upload,
  send: () => Promise<DriveAnswer>,
): Promise<DriveAnswer> {
  const { mayExist } = upload
  upload.mayExist = true
  const answer = await send()
  if (answer.status >= 400 && answer.status < 500) upload.mayExist = mayExist
  return answer
}

/** The file that is there already under the reserved id: an earlier try was heard after all. */
export async function existing(line: Line, upload: Upload): Promise<StoredFile> {
  const file = await findStored(line, upload)
  if (file) return file
  throw new GatewayError('upstream_bad_response', 'Drive has the id, and no file under it')
}

/**
 * What Drive has of this upload, if anything. A file that is being replaced was there before: only
 * its content tells whether it has been.
 */
export async function findStored(
  line: Line,
  { metadata, window, sha256 }: Upload,
): Promise<StoredFile | undefined> {
  const file = await line.lookUp(metadata.id)
  if (!metadata.replaces) return file
  return file?.size === window.end && file.sha256 === sha256() ? file : undefined
}

export function nonsense(status: number): GatewayError {
  return new GatewayError('upstream_bad_response', `Drive’s answer (${status}) says nothing`)
}
