/** One file on its way, and what is known of it at Drive. */
import { GatewayError } from '../errors.ts'
import type { Line } from './line.ts'
import type { FileMetadata, StoredFile } from './session.ts'
import type { DriveAnswer } from './transport.ts'
import type { Window } from './window.ts'

export interface Upload {
  metadata: FileMetadata
  window: Window
  /** Where the session is, once one is open; a secret. */
  sessionUri: string | undefined
  /** Whether something of ours may have made the file. */
  mayExist: boolean
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
export async function existing(line: Line, { metadata }: Upload): Promise<StoredFile> {
  const file = await line.lookUp(metadata.id)
  if (file) return file
  throw new GatewayError('upstream_bad_response', 'Drive has the id, and no file under it')
}

export function nonsense(status: number): GatewayError {
  return new GatewayError('upstream_bad_response', `Drive’s answer (${status}) says nothing`)
}
