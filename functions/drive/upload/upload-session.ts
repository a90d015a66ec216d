/**
 * An upload that is continued request by request, at any instance: all that is known of it comes
 * with each request, and where it stopped is asked of Drive.
 */
import { createHash } from 'node:crypto'
import { GatewayError } from '../../errors.ts'
import { abortedLater, unlessAborted } from '../client/abort-signals.ts'
import type { DriveAccount } from '../client/account.ts'
import { append } from './append-chunks.ts'
import { createCleanUpLine, createLine } from '../client/drive-client.ts'
import type { Line } from '../client/drive-client.ts'
import { locate, moved } from './upload-offset.ts'
import type { OpenUpload, Position } from './upload-offset.ts'
import { createEvenPace, createPace } from './chunk-size.ts'
import type { Pace } from './chunk-size.ts'
import { openRequest, readOpened } from '../client/protocol.ts'
import type { StoredFile } from '../client/protocol.ts'
import { createTurns } from './upload-lock.ts'
import type { NewFile, UploadParts } from './upload.ts'
import { createWindow } from './send-buffer.ts'

/** Bytes for an upload. */
export interface Addition {
  /** Where they belong. */
  offset: number
  /** The file's size in bytes, where it is known by now. */
  length: number | undefined
  /** An error in it keeps what came before. */
  source: AsyncIterable<Buffer>
  /** How many there are, where that was said; fewer take less of the memory. */
  size?: number | undefined
  /** Nobody else can know the upload yet. */
  isFirst?: boolean
  /** Nothing of it is passed on before all of it has come, and an error in it keeps nothing. */
  isAllOrNothing?: boolean
}

/** What is known of an upload before its bytes. */
export interface OpenTerms {
  /** The file's size in bytes, where it is known. */
  length: number | undefined
  /** The one origin whose pages may send bytes to the session URI themselves. */
  origin: string | undefined
}

export interface Resumes {
  open(
    account: DriveAccount,
    file: NewFile,
    terms: OpenTerms,
    signal: AbortSignal,
  ): Promise<Required<Pick<OpenUpload, 'id' | 'sessionUri'>>>
  /** @throws {GatewayError} `upload_gone` when Drive knows neither the session nor a file of it */
  position(account: DriveAccount, upload: OpenUpload, signal: AbortSignal): Promise<Position>
  /**
   * Adds bytes, as many of them as Drive takes: all of them where they end the file, and else whole
   * units of 256 KiB. What it answers for was this source's, and nobody else's.
   *
   * @param signal ends the reading; what has come by then is still sent on
   * @returns where Drive stopped, which may be where it was before
   * @throws {GatewayError} `offset_mismatch` when the bytes do not belong where Drive stopped,
   *   `upload_locked` when a newer request came before any byte was kept, `integrity_check_failed` or
   *   `digest_mismatch` when the file is not what it should be and has been removed
   */
  append(
    account: DriveAccount,
    upload: OpenUpload,
    addition: Addition,
    signal: AbortSignal,
  ): Promise<Position>
  /** Gives the upload up, and takes its file out of Drive where it has become one. */
  cancel(account: DriveAccount, upload: OpenUpload): Promise<void>
}

/** Milliseconds for what a caller that leaves had sent: it is here, and not yet read. */
const lastReadMs = 50
/** Milliseconds that what was read has to reach Drive when nothing more is. */
const lastMomentMs = 2_000

export function createResumes(parts: UploadParts): Resumes {
  const turns = createTurns()

  const cleanUpLine = (account: DriveAccount): Line => createCleanUpLine(parts, account)

  return {
    async open(account, file, { length, origin }, signal) {
      const line = createLine(parts, account, signal)
      const id = await unlessAborted(signal, parts.ids.take(account))
      const terms = {
        ...(length === undefined ? {} : { size: length }),
        ...(origin === undefined ? {} : { origin }),
      }
      const request = openRequest(line.root, { ...file, id }, terms)
      const sessionUri = await line.patience.retry(async () =>
        readOpened(await line.make(request), line.root),
      )
      if (!signal.aborted) return { id, sessionUri }
      const leftBehind = (error: unknown): void => parts.onLeftBehind?.(id, error)
      await cleanUpLine(account).cancel(sessionUri).catch(leftBehind)
      throw signal.reason
    },

    position: (account, upload, signal) => locate(createLine(parts, account, signal), upload),

    async append(account, upload, { source, size, ...addition }, signal) {
      const pace = createPaceOf(parts.chunkBytes)
      const room = parts.budget.enter(size)
      if (!addition.isAllOrNothing) room.wanted = 2 * pace.most
      const turn = await turns.take(upload.id, busy())
      const stop = AbortSignal.any([signal, turn.displaced])
      const line = createLine(parts, account, abortedLater(stop, lastMomentMs))
      const reading = abortedLater(stop, lastReadMs)
      const hash = createHash('sha256')
      let broken: { cause: unknown } | undefined
      const steady = untilItBreaks(source, reading, (cause) => (broken = { cause }))
      const window = createWindow(steady, room, (bytes) => void hash.update(bytes))
      try {
        stop.throwIfAborted()
        const since = performance.now()
        const start = addition.isFirst ? { offset: 0 } : await locate(line, upload)
        if (start.offset !== addition.offset || start.file) throw moved(start)
        pace.opened(performance.now() - since)
        if (addition.isAllOrNothing) {
          await unlessAborted(line.signal, window.filled(Infinity))
          if (broken) throw broken.cause
          if (!window.ended) throw noRoom()
        }
        const isWhole = (): boolean => window.ended && !broken
        const { offset, file } = await append(line, {
          ...addition,
          upload,
          window,
          room,
          pace,
          isWhole,
        })
        if (file) {
          const streamed = addition.offset === 0 ? hash.digest('hex') : undefined
          return { offset, file: await verify(line, upload, file, offset, streamed) }
        }
        // What was kept before somebody else wanted to go on is an answer worth giving.
        if (broken && !(stop.aborted && offset > addition.offset)) throw broken.cause
        return { offset }
      } catch (error) {
        if (error instanceof GatewayError && isWrong(error)) {
          const leftBehind = (cause: unknown): void => parts.onLeftBehind?.(upload.id, cause)
          await cleanUpLine(account).remove(upload.id).catch(leftBehind)
        }
        throw error
      } finally {
        window.close()
        room.leave()
        turn.end()
      }
    },

    async cancel(account, { id, sessionUri }) {
      if (sessionUri !== undefined) await cleanUpLine(account).cancel(sessionUri)
      await cleanUpLine(account).remove(id) // its last chunk may have been quicker
    },
  }
}

function createPaceOf(chunkBytes: number | undefined): Pace {
  return chunkBytes === undefined ? createPace() : createEvenPace(chunkBytes)
}

function noRoom(): GatewayError {
  return new GatewayError('over_capacity', 'There is no room to hold all of it')
}

function busy(): GatewayError {
  return new GatewayError('upload_locked', 'A newer request wants to write')
}

/**
 * A source whose failure is its end, so that what came before is kept.
 *
 * @param stop also ends it
 */
async function* untilItBreaks(
  source: AsyncIterable<Buffer>,
  stop: AbortSignal,
  onBroken: (cause: unknown) => void,
): AsyncGenerator<Buffer, void, undefined> {
  const pieces = source[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = await unlessAborted(stop, pieces.next())
      if (next.done) return
      yield next.value
    }
  } catch (error) {
    onBroken(error)
  } finally {
    // One that is stuck ends once it moves.
    void pieces.return?.().catch(() => {})
  }
}

/** @param streamed SHA-256 of all its bytes, where one request has carried them all */
async function verify(
  line: Line,
  { id, sha256 }: OpenUpload,
  stored: StoredFile,
  size: number,
  streamed: string | undefined,
): Promise<StoredFile> {
  const isKnown = stored.size !== undefined && stored.sha256 !== undefined
  const file = isKnown ? stored : ((await line.lookUp(id)) ?? stored)
  if (file.id !== id || file.size !== size) {
    throw new GatewayError(
      'integrity_check_failed',
      'Drive’s file is not of the size that was sent',
    )
  }
  if (streamed !== undefined && file.sha256 !== streamed) {
    throw new GatewayError('integrity_check_failed', 'Drive’s sha256 is not the stream’s')
  }
  if (sha256 !== undefined && file.sha256 !== sha256) {
    throw new GatewayError('digest_mismatch', 'Drive’s sha256 is not the caller’s')
  }
  return file
}

function isWrong({ code }: GatewayError): boolean {
  return code === 'integrity_check_failed' || code === 'digest_mismatch'
}
