/** A file of any size, chunk after chunk, each kept until Drive says that it has it. */
import { GatewayError } from '../../errors.ts'
import { unlessAborted } from '../client/abort-signals.ts'
import { isTransient } from '../client/errors.ts'
import type { Line } from '../client/drive-client.ts'
import * as session from '../client/protocol.ts'
import { chunkUnit } from '../client/protocol.ts'
import type { Progress, StoredFile } from '../client/protocol.ts'
import type { DriveAnswer } from '../client/transport.ts'
import { existing, findStored, mayCreate, nonsense } from './upload-state.ts'
import type { Upload } from './upload-state.ts'

/**
 * Three steps, of which each answer chooses the next: open a session, send a chunk, ask for the
 * status. What is sent next begins where Drive says that it stopped: at `window.start`.
 */
export async function storeInChunks(line: Line, upload: Upload): Promise<StoredFile> {
  const { metadata, window, pace, room } = upload
  const { patience } = line
  /** Up to where this session was sent bytes: Drive cannot have more. */
  let sent = 0
  let tokenRenewed = false

  const open = async (): Promise<Progress> => {
    room.wanted = 2 * pace.largest // what comes meanwhile is the first chunk
    const since = performance.now()
    const answer = await line.make(session.openRequest(line.root, metadata))
    pace.opened(performance.now() - since)
    if (answer.status === 409) return { state: 'exists' }
    upload.sessionUri = session.readOpened(answer, line.root)
    sent = 0
    return { state: 'incomplete', offset: 0 }
  }

  const sendChunk = async (): Promise<Progress> => {
    room.wanted = 2 * pace.most // one on its way, one to come meanwhile
    const from = window.start
    // One byte more than a chunk tells that the chunk is not the last.
    await unlessAborted(line.signal, window.filled(from + pace.least + 1))
    const most = Math.min(pace.most, wholeUnits(Math.max(chunkUnit, room.allowed / 2)))
    const isLast = window.ended && window.end - from <= most
    const to = isLast ? window.end : from + Math.min(most, wholeUnits(window.end - from - 1))
    const total = isLast ? window.end : undefined
    const request = session.chunkRequest(sessionUri(), from, window.slice(from, to), total)
    sent = Math.max(sent, to)
    const send = (): Promise<DriveAnswer> => line.send(request)
    const since = performance.now()
    const progress = await read(await (isLast ? mayCreate(upload, send) : send()))
    if (progress.state === 'incomplete') {
      pace.sent(progress.offset - from, performance.now() - since)
    }
    return progress
  }

  const askStatus = async (): Promise<Progress> => {
    const total = window.ended ? window.end : undefined
    return read(await line.send(session.statusRequest(sessionUri(), total)))
  }

  const sessionUri = (): string => upload.sessionUri ?? ''

  /** A chunk with a refused token is not sent again blindly: part of it may have been kept. */
  const read = async (answer: DriveAnswer): Promise<Progress> => {
    if (answer.status !== 401 || tokenRenewed) return session.readProgress(answer)
    tokenRenewed = true
    await line.renewToken()
    return { state: 'unclear', status: answer.status }
  }

  /** What an answer leads to: the file, or the next step. */
  const follow = async (progress: Progress, step: Step): Promise<Step | StoredFile> => {
    if (progress.state === 'stored') {
      upload.mayExist = true // even before its last chunk, where Drive says so
      return progress.file
    }
    if (progress.state === 'exists') return existing(line, upload)
    if (progress.state === 'unclear') {
      await patience.spend(nonsense(progress.status))
      return askStatus
    }
    const { offset } = progress
    if (offset > sent) throw beyond()
    if (offset < window.start) {
      // An answer without a Range is sometimes wrong: the status decides.
      if (step === askStatus) throw lost(offset)
      await patience.spend(lost(offset))
      return askStatus
    }
    if (offset > window.start) {
      window.release(offset)
      patience.renew()
      tokenRenewed = false
    } else if (step === sendChunk) {
      await patience.spend(new GatewayError('upload_session_lost', 'Drive takes no byte more'))
    }
    return sendChunk
  }

  /** What a failure leads to, where it does not end the upload. */
  const recover = async (error: unknown, step: Step): Promise<Step | StoredFile> => {
    if (isTransient(error)) {
      await patience.spend(error)
      return step === open ? open : askStatus
    }
    if (!(error instanceof GatewayError) || error.code !== 'upload_session_lost') throw error
    // The session is gone: the file may be there all the same, or every byte still be here.
    const isAllSent = window.ended && sent === window.end
    const file = isAllSent || upload.mayExist ? await findStored(line, upload) : undefined
    if (file) return file
    if (window.start > 0) throw error
    // That it is gone is not always true: none is left open.
    await line.cancel(sessionUri())
    await patience.spend(error)
    return open
  }

  let step: Step = open
  for (;;) {
    const now = step
    const next = await now().then(
      (progress) => follow(progress, now),
      (error: unknown) => recover(error, now),
    )
    if (typeof next !== 'function') return next
    step = next
  }
}

type Step = () => Promise<Progress>

function wholeUnits(bytes: number): number {
  return Math.floor(bytes / chunkUnit) * chunkUnit
}

function beyond(): GatewayError {
  return new GatewayError('upstream_bad_response', 'Drive has more than it was sent')
}

function lost(offset: number): GatewayError {
  const code = offset === 0 ? 'upload_session_lost' : 'upstream_bad_response'
  return new GatewayError(code, 'Drive has less than it once had')
}
