/** Where an upload stopped: only Drive knows. */
import { GatewayError } from '../../errors.ts'
import type { Line } from '../client/drive-client.ts'
import { readProgress, statusRequest } from '../client/protocol.ts'
import type { StoredFile } from '../client/protocol.ts'
import { nonsense } from './upload-state.ts'

/** What is known of an upload without asking. */
export interface OpenUpload {
  /** Reserved for its file. */
  id: string
  /** A secret; none where the file was stored in one request. */
  sessionUri?: string
  /** The file's size in bytes, where it is known. */
  length?: number
  /** SHA-256 that the file must have, in hex, where the caller has said it. */
  sha256?: string
}

/** Where an upload stopped. */
export interface Position {
  /** Bytes that Drive has for good. */
  offset: number
  /** Set once these are all. */
  file?: StoredFile
}

/** Where Drive stopped; a session that is over is looked for as a file. */
export async function locate(
  line: Line,
  { id, sessionUri, length }: OpenUpload,
): Promise<Position> {
  const progress =
    sessionUri === undefined
      ? undefined
      : await line.patience.retry(async () =>
          line.ask(statusRequest(sessionUri, length)).then(readProgress).catch(orNothing),
        )
  if (progress?.state === 'incomplete') return { offset: progress.offset }
  const file = await line.lookUp(id)
  if (file?.size !== undefined) return { offset: file.size, file }
  if (file || progress?.state === 'unclear') throw nonsense(200)
  throw new GatewayError('upload_gone', 'Drive has neither the session nor the file')
}

function orNothing(error: unknown): undefined {
  if (error instanceof GatewayError && error.code === 'upload_session_lost') return undefined
  throw error
}

export function moved({ offset }: Position): GatewayError {
  return new GatewayError('offset_mismatch', `Drive stopped at ${offset}`, {
    headers: { 'upload-offset': String(offset) },
  })
}
