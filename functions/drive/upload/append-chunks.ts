/** Bytes added to an open session, chunk after chunk, from where Drive stopped. */
import { GatewayError } from '../../errors.ts'
import type { ProblemCode } from '../../errors.ts'
import { unlessAborted } from '../client/abort-signals.ts'
import { isTransient } from '../client/errors.ts'
import type { Room } from './buffer-pool.ts'
import type { Line } from '../client/drive-client.ts'
import type { Pace } from './chunk-size.ts'
import { locate, moved } from './upload-offset.ts'
import type { OpenUpload, Position } from './upload-offset.ts'
import type { Addition } from './upload-session.ts'
import { chunkRequest, chunkUnit, readProgress } from '../client/protocol.ts'
import type { Progress } from '../client/protocol.ts'
import { nonsense } from './upload-state.ts'
import type { Window } from './send-buffer.ts'

export interface Append extends Omit<Addition, 'source' | 'size'> {
  upload: OpenUpload
  /** Begins at the addition's offset. */
  window: Window
  /** What the window's blocks come from. */
  room: Room
  pace: Pace
  /** Whether the source has come to its end, and not to a failure. */
  isWhole(): boolean
}

/**
 * Somebody else may write to the same session at the same moment, at another instance. Drive takes a
 * chunk only where it stopped, so of two writers at one offset one is refused; but an answer that
 * was lost does not tell whose bytes were taken, and then the caller has to ask and go on.
 *
 * @throws {GatewayError} `offset_mismatch` when what Drive has may be somebody else's
 */
export async function append(line: Line, addition: Append): Promise<Position> {
  const { upload, offset, length, window, room, pace, isFirst = false } = addition
  let at = offset
  for (;;) {
    room.wanted = 2 * pace.most // one on its way, one to come meanwhile
    await unlessAborted(line.signal, window.filled(at - offset + pace.least + 1))
    const { to, isLast } = nextChunk(addition, at)
    if (to === at && !isLast) return { offset: at }
    const content = window.slice(at - offset, to - offset)
    const total = isLast ? length : undefined
    const request = chunkRequest(upload.sessionUri ?? '', at, content, total)
    const since = performance.now()
    const heard = await line.send(request).then(readProgress).catch(toUnheard)

    let now = read(heard, at, to, isLast)
    if (now) pace.sent(now.offset - at, performance.now() - since)
    else {
      await line.patience.spend(heard instanceof GatewayError ? heard : silence(heard))
      now = await locate(line, upload)
      const isOurs = isFirst && now.offset >= at && now.offset <= to
      const isAsBefore = now.offset === at && !now.file
      if (!isOurs && !isAsBefore) throw moved(now)
    }
    if (now.file) return now
    if (now.offset > at) line.patience.renew()
    at = now.offset
    window.release(at - offset)
  }
}

/**
 * Up to where the next chunk goes. A session that is over answers anything with its file, so that
 * only a chunk in its middle proves that this request is the one that writes: where there is
 * something to split, the first chunk is never also the last.
 */
function nextChunk(
  { offset, length, window, room, pace, isFirst = false, isWhole }: Append,
  at: number,
): { to: number; isLast: boolean } {
  const most = Math.min(pace.most, wholeUnits(Math.max(chunkUnit, room.allowed / 2)))
  const size = offset + window.end - at
  const endsFile = isWhole() && at + size === length && size <= most
  const isLast = endsFile && (isFirst || at > offset || size <= chunkUnit)
  if (isLast) return { to: at + size, isLast }
  return { to: at + wholeUnits(Math.min(endsFile ? size - 1 : size, most)), isLast }
}

function wholeUnits(bytes: number): number {
  return Math.floor(bytes / chunkUnit) * chunkUnit
}

/** @returns nothing where the answer does not tell what became of the chunk */
function read(
  heard: Progress | GatewayError,
  at: number,
  to: number,
  isLast: boolean,
): Position | undefined {
  if (heard instanceof GatewayError) return undefined
  if (heard.state === 'stored' && isLast) return { offset: to, file: heard.file }
  const isGain = heard.state === 'incomplete' && heard.offset > at && heard.offset <= to
  return isGain ? { offset: heard.offset } : undefined
}

/** A session that seems lost, a token refused half-way: the status decides. */
const undecided: ProblemCode[] = ['upload_session_lost', 'reauth_required']

function toUnheard(error: unknown): GatewayError {
  if (isTransient(error)) return error
  if (error instanceof GatewayError && undecided.includes(error.code)) return error
  throw error
}

function silence(heard: Progress): GatewayError {
  if (heard.state === 'unclear') return nonsense(heard.status)
  return new GatewayError('drive_unavailable', `Drive did not take the chunk (${heard.state})`)
}
