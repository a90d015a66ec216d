/** Appends bytes to an open upload session in chunks, from the offset that Drive has stored. */
import { GatewayError } from '../../errors.ts'
import type { ProblemCode } from '../../errors.ts'
import type { DriveClient } from '../client/drive-client.ts'
import { isTransient } from '../client/errors.ts'
import { chunkRequest, chunkUnit, readProgress, wholeUnits } from '../client/protocol.ts'
import type { Progress } from '../client/protocol.ts'
import { waitForChunk } from './chunk-size.ts'
import type { ChunkSource } from './chunk-size.ts'
import { offsetMismatch, queryOffset } from './upload-offset.ts'
import type { OpenUpload, UploadOffset } from './upload-offset.ts'
import { unexpectedResponse } from './upload-state.ts'

/** Bytes to append to an upload. */
export interface AppendRequest {
  /** Offset of the first byte. */
  offset: number
  /** The file's size in bytes, when it is known by now. */
  length: number | undefined
  /** When it throws, the bytes before the error are kept. */
  source: AsyncIterable<Buffer>
  /** Declared number of bytes; a small one reserves fewer blocks of the buffer pool. */
  size?: number | undefined
  /** Whether the upload was just opened, so that no other request can write to it. */
  isFirst?: boolean
  /** Whether the bytes are sent to Drive only when all have arrived; an error keeps none of them. */
  isAtomic?: boolean
}

export interface ChunkAppend extends Omit<AppendRequest, 'source' | 'size'>, ChunkSource {
  upload: OpenUpload
  /** Whether the source has ended without an error. */
  isWhole(): boolean
}

/**
 * Sends the buffer, which begins at the request's offset, chunk by chunk.
 *
 * Another instance may write to the same session at the same time. Drive accepts a chunk only at the
 * stored offset, so it rejects one of two writers at the same offset. After a lost response it is
 * unknown whose bytes were stored; then the client has to query the offset and continue.
 *
 * @throws {GatewayError} `offset_mismatch` when Drive may have stored another writer's bytes
 */
export async function appendChunks(
  client: DriveClient,
  append: ChunkAppend,
): Promise<UploadOffset> {
  const { upload, offset, length, buffer, chunkSizer, isFirst = false } = append
  let at = offset
  for (;;) {
    const max = await waitForChunk(append, at - offset, client.signal)
    const { to, isLast } = nextChunk(append, at, max)
    if (to === at && !isLast) return { offset: at }
    const content = buffer.slice(at - offset, to - offset)
    const total = isLast ? length : undefined
    const request = chunkRequest(upload.sessionUri ?? '', at, content, total)
    const since = performance.now()
    const response = await client.send(request).then(readProgress).catch(toRetryable)

    let current = readAccepted(response, at, to, isLast)
    if (current) chunkSizer.recordTransfer(current.offset - at, performance.now() - since)
    else {
      const error = response instanceof GatewayError ? response : notAccepted(response)
      await client.retryPolicy.backoff(error)
      current = await queryOffset(client, upload)
      const isOurs = isFirst && current.offset >= at && current.offset <= to
      const isUnchanged = current.offset === at && !current.file
      if (!isOurs && !isUnchanged) throw offsetMismatch(current)
    }
    if (current.file) return current
    if (current.offset > at) client.retryPolicy.reset()
    at = current.offset
    buffer.acknowledge(at - offset)
  }
}

/**
 * Chooses the end of the next chunk. A completed session answers any request with its file, so only a
 * chunk in the middle proves that this request is the writer: if the bytes can be split, the first
 * chunk is never also the last one.
 */
function nextChunk(
  { offset, length, buffer, isFirst = false, isWhole }: ChunkAppend,
  at: number,
  max: number,
): { to: number; isLast: boolean } {
  const size = offset + buffer.end - at
  const endsFile = isWhole() && at + size === length && size <= max
  const isLast = endsFile && (isFirst || at > offset || size <= chunkUnit)
  if (isLast) return { to: at + size, isLast }
  return { to: at + wholeUnits(Math.min(endsFile ? size - 1 : size, max)), isLast }
}

/** @returns the new offset; `undefined` when the response does not show that the chunk was stored */
function readAccepted(
  response: Progress | GatewayError,
  at: number,
  to: number,
  isLast: boolean,
): UploadOffset | undefined {
  if (response instanceof GatewayError) return undefined
  if (response.state === 'stored' && isLast) return { offset: to, file: response.file }
  const isProgress =
    response.state === 'incomplete' && response.offset > at && response.offset <= to
  return isProgress ? { offset: response.offset } : undefined
}

/** Errors after which the offset is queried: a session that seems lost, or a rejected token. */
const undecided: ProblemCode[] = ['upload_session_lost', 'reauth_required']

function toRetryable(error: unknown): GatewayError {
  if (isTransient(error)) return error
  if (error instanceof GatewayError && undecided.includes(error.code)) return error
  throw error
}

function notAccepted(response: Progress): GatewayError {
  if (response.state === 'unclear') return unexpectedResponse(response.status)
  return new GatewayError('drive_unavailable', `Drive did not accept the chunk (${response.state})`)
}
