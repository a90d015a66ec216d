/** Resumable upload of a file of any size: each chunk is buffered until Drive acknowledges it. */
import { GatewayError } from '../../errors.ts'
import type { DriveClient } from '../client/drive-client.ts'
import { isTransient } from '../client/errors.ts'
import {
  chunkRequest,
  openSessionRequest,
  readProgress,
  readSessionUri,
  statusRequest,
  wholeUnits,
} from '../client/protocol.ts'
import type { Progress, StoredFile } from '../client/protocol.ts'
import type { DriveResponse } from '../client/transport.ts'
import { waitForChunk } from './chunk-size.ts'
import { findStored, requireExisting, sendCreating, unexpectedResponse } from './upload-state.ts'
import type { UploadState } from './upload-state.ts'

/**
 * State machine of three steps: open a session, send a chunk, query the status. Each response selects
 * the next step. The next chunk begins at `buffer.start`, the offset that Drive has acknowledged.
 */
export async function uploadResumable(
  client: DriveClient,
  upload: UploadState,
): Promise<StoredFile> {
  const { metadata, buffer, chunkSizer, reservation } = upload
  const { retryPolicy } = client
  /** Offset up to which bytes were sent to this session: Drive cannot have more. */
  let sent = 0
  /** Whether Drive has rejected a token since the last progress. */
  let tokenRejected = false

  const open = async (): Promise<Progress> => {
    reservation.demand = 2 * chunkSizer.ceiling // bytes that arrive meanwhile form the first chunk
    const since = performance.now()
    const response = await client.create(openSessionRequest(client.root, metadata))
    chunkSizer.recordLatency(performance.now() - since)
    if (response.status === 409) return { state: 'exists' }
    upload.sessionUri = readSessionUri(response, client.root)
    sent = 0
    return { state: 'incomplete', offset: 0 }
  }

  const sendChunk = async (): Promise<Progress> => {
    const from = buffer.start
    const max = await waitForChunk(upload, from, client.signal)
    const isLast = buffer.isComplete && buffer.end - from <= max
    const to = isLast ? buffer.end : from + Math.min(max, wholeUnits(buffer.end - from - 1))
    const total = isLast ? buffer.end : undefined
    const request = chunkRequest(sessionUri(), from, buffer.slice(from, to), total)
    sent = Math.max(sent, to)
    const send = (): Promise<DriveResponse> => client.send(request)
    const since = performance.now()
    const progress = read(await (isLast ? sendCreating(upload, send) : send()))
    if (progress.state === 'incomplete') {
      chunkSizer.recordTransfer(progress.offset - from, performance.now() - since)
    }
    return progress
  }

  const queryStatus = async (): Promise<Progress> => {
    const total = buffer.isComplete ? buffer.end : undefined
    return read(await client.send(statusRequest(sessionUri(), total)))
  }

  const sessionUri = (): string => upload.sessionUri ?? ''

  /**
   * Reads a response. After a 401 the client refreshes the token, and the status is queried: a chunk
   * must not be sent again blindly, as Drive may have stored part of it.
   */
  const read = (response: DriveResponse): Progress => {
    if (response.status !== 401 || tokenRejected) return readProgress(response)
    tokenRejected = true
    return { state: 'unclear', status: response.status }
  }

  /** Selects the next step, or returns the file. */
  const onProgress = async (progress: Progress, step: Step): Promise<Step | StoredFile> => {
    if (progress.state === 'stored') {
      upload.mayExist = true // Drive may say so even before the last chunk
      return progress.file
    }
    if (progress.state === 'exists') return requireExisting(client, upload)
    if (progress.state === 'unclear') {
      await retryPolicy.backoff(unexpectedResponse(progress.status))
      return queryStatus
    }
    const { offset } = progress
    if (offset > sent) throw rangeAhead()
    if (offset < buffer.start) {
      // A response without a Range is sometimes wrong: the status decides.
      if (step === queryStatus) throw rangeRegressed(offset)
      await retryPolicy.backoff(rangeRegressed(offset))
      return queryStatus
    }
    if (offset > buffer.start) {
      buffer.acknowledge(offset)
      retryPolicy.reset()
      tokenRejected = false
    } else if (step === sendChunk) {
      await retryPolicy.backoff(
        new GatewayError('upload_session_lost', 'Drive stores no more bytes'),
      )
    }
    return sendChunk
  }

  /** Selects the next step after an error, or throws the error when the upload cannot continue. */
  const onError = async (error: unknown, step: Step): Promise<Step | StoredFile> => {
    if (isTransient(error)) {
      await retryPolicy.backoff(error)
      return step === open ? open : queryStatus
    }
    if (!(error instanceof GatewayError) || error.code !== 'upload_session_lost') throw error
    // The session is lost: the file may exist nevertheless, or every byte may still be buffered.
    const isAllSent = buffer.isComplete && sent === buffer.end
    const file = isAllSent || upload.mayExist ? await findStored(client, upload) : undefined
    if (file) return file
    if (buffer.start > 0) throw error
    // The session may still exist: it is cancelled, so that none stays open.
    await client.cancelSession(sessionUri())
    await retryPolicy.backoff(error)
    return open
  }

  let step: Step = open
  for (;;) {
    const current = step
    const next = await current().then(
      (progress) => onProgress(progress, current),
      (error: unknown) => onError(error, current),
    )
    if (typeof next !== 'function') return next
    step = next
  }
}

type Step = () => Promise<Progress>

function rangeAhead(): GatewayError {
  return new GatewayError('upstream_bad_response', 'Drive reports more bytes than were sent')
}

function rangeRegressed(offset: number): GatewayError {
  const code = offset === 0 ? 'upload_session_lost' : 'upstream_bad_response'
  return new GatewayError(code, 'Drive reports fewer bytes than it acknowledged before')
}
