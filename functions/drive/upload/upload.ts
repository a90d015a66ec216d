/** A stream of bytes into one Drive file: exactly once, whatever breaks on the way, and proven. */
import { createHash } from 'node:crypto'
import { GatewayError } from '../../errors.ts'
import { handOn, unlessAborted } from '../client/abort-signals.ts'
import type { DriveAccount } from '../client/account.ts'
import { storeAtOnce } from './multipart-upload.ts'
import type { Budget, Room } from './buffer-pool.ts'
import type { Ids } from './file-id-pool.ts'
import { storeInChunks } from './resumable-upload.ts'
import { createCleanUpLine, createLine } from '../client/drive-client.ts'
import type { Line, LineParts } from '../client/drive-client.ts'
import { createEvenPace, createPace } from './chunk-size.ts'
import type { FileMetadata, StoredFile } from '../client/protocol.ts'
import type { Upload } from './upload-state.ts'
import { createWindow } from './send-buffer.ts'
import type { Source } from './send-buffer.ts'

/** A file that Drive has, whole: its size and SHA-256 are those of the bytes that were streamed. */
export type UploadedFile = StoredFile & { size: number; sha256: string }

/** What the caller says of a file; its id is ours to reserve unless it is given. */
export type NewFile = Omit<FileMetadata, 'id'> & { id?: string }

/** What else an upload keeps to. */
export interface Terms {
  /** What it was given when it was let in; it is let in with the call otherwise, or refused. */
  room?: Room | undefined
  /** SHA-256 that the source must have, in hex; nothing is stored otherwise. */
  sha256?: string | undefined
  /** Whether the id is still this upload's alone: asked before what is under it is removed. */
  isOurs?: (() => Promise<boolean>) | undefined
  /** Told where something was left behind, so that the id must not be forgotten. */
  onLeftBehind?: (() => void) | undefined
}

export interface Uploads {
  /**
   * Lets an upload in before its body is read.
   *
   * @param bytes of the body, where they are known
   * @throws {GatewayError} `over_capacity`
   */
  enter(bytes?: number): Room
  /**
   * Stores everything that the source gives: as one new file, or as new content of one.
   *
   * @param source its end means that the file is whole; an error that it is not
   * @param signal gives the upload up
   * @throws {GatewayError} after which Drive has neither the file nor an open session; a file that
   *   was to be replaced is never removed. And whatever the source throws or the signal aborts with,
   *   with the same promise
   */
  store(
    account: DriveAccount,
    file: NewFile,
    source: Source,
    signal: AbortSignal,
    terms?: Terms,
  ): Promise<UploadedFile>
  /** What Drive has under an id; nothing where there is nothing. */
  find(account: DriveAccount, id: string, signal: AbortSignal): Promise<StoredFile | undefined>
  /** Takes a file out of Drive again; not in the bin. */
  remove(account: DriveAccount, id: string): Promise<void>
}

export interface UploadParts extends LineParts {
  ids: Ids
  budget: Budget
  /** Bytes of every chunk, a multiple of 256 KiB; paced by rate and latency where it is not said. */
  chunkBytes?: number
  /** Told of a file or session that could not be cleared away. */
  onLeftBehind?: (id: string, error: unknown) => void
}

export function createUploads(parts: UploadParts): Uploads {
  const { budget, chunkBytes } = parts

  const cleanUpLine = (account: DriveAccount): Line => createCleanUpLine(parts, account)

  /** After a failure: no session, no file. */
  async function clearAway(account: DriveAccount, upload: Upload, terms: Terms): Promise<void> {
    const { id, replaces } = upload.metadata
    const leftBehind = (error: unknown): void => {
      parts.onLeftBehind?.(id, error)
      terms.onLeftBehind?.()
    }
    if (upload.sessionUri !== undefined) {
      await cleanUpLine(account).cancel(upload.sessionUri).catch(leftBehind)
    }
    if (!upload.mayExist || replaces) return
    try {
      if ((await terms.isOurs?.()) !== false) await cleanUpLine(account).remove(id)
    } catch (error) {
      leftBehind(error)
    }
  }

  return {
    enter: (bytes) => budget.enter(bytes),

    async store(account, file, source, signal, terms = {}) {
      const hash = createHash('sha256')
      let digest: string | undefined
      const sha256 = (): string => {
        if (!window.ended) return hash.copy().digest('hex') // more may come
        return (digest ??= hash.digest('hex'))
      }
      const checked = terms.sha256 === undefined ? source : expecting(source, terms.sha256, sha256)
      const pace = chunkBytes === undefined ? createPace() : createEvenPace(chunkBytes)
      const room = terms.room ?? budget.enter()
      room.wanted = 2 * pace.most
      // A source that fails ends what is under way as a caller does that leaves.
      const ending = new AbortController()
      const letGo = handOn(signal, ending)
      const window = createWindow(checked, room, (bytes) => void hash.update(bytes), ending)
      const line = createLine(parts, account, ending.signal)
      const metadata: FileMetadata = { ...file, id: file.id ?? '' }
      const upload: Upload = {
        metadata,
        window,
        room,
        pace,
        sessionUri: undefined,
        mayExist: false,
        sha256,
      }
      try {
        metadata.id ||= await unlessAborted(line.signal, parts.ids.take(account))
        await unlessAborted(line.signal, window.filled(pace.most + 1))
        const stored =
          window.ended && window.end <= pace.most
            ? await storeAtOnce(line, upload)
            : await storeInChunks(line, upload)
        return await verify(line, upload, stored)
      } catch (error) {
        const reason: unknown = line.signal.aborted ? line.signal.reason : error
        window.close()
        await clearAway(account, upload, terms)
        throw reason
      } finally {
        letGo()
        window.close()
        if (!terms.room) room.leave()
      }
    },

    find: (account, id, signal) => createLine(parts, account, signal).lookUp(id),
    remove: (account, id) => cleanUpLine(account).remove(id),
  }
}

/** The same bytes, whose end is a failure where they are not those that were promised. */
async function* expecting(
  source: Source,
  expected: string,
  sha256: () => string,
): AsyncGenerator<Buffer | readonly Buffer[], void, undefined> {
  yield* source
  if (sha256() === expected) return
  throw new GatewayError('digest_mismatch', 'The SHA-256 of what came is not the one that was told')
}

/** Compares what Drive stored with what was streamed. */
async function verify(
  line: Line,
  { metadata, window, sha256 }: Upload,
  stored: StoredFile,
): Promise<UploadedFile> {
  line.signal.throwIfAborted()
  const code = metadata.replaces ? 'integrity_check_failed_replaced' : 'integrity_check_failed'
  if (!window.ended) throw new GatewayError(code, 'Drive had enough before the end')
  const isWhole = stored.size !== undefined && stored.sha256 !== undefined
  const file = isWhole ? stored : ((await line.lookUp(metadata.id)) ?? stored)
  const expected = { id: metadata.id, name: metadata.name, size: window.end, sha256: sha256() }
  for (const key of ['id', 'name', 'size', 'sha256'] as const) {
    if (file[key] === expected[key]) continue
    throw new GatewayError(code, `Drive’s ${key} is not the stream’s`)
  }
  return { ...file, ...expected }
}
