/** A stream of bytes into one Drive file: exactly once, whatever breaks on the way, and proven. */
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { GatewayError } from '../errors.ts'
import type { DriveAccount } from './account.ts'
import { isTransient, readFailure } from './failure.ts'
import type { Ids } from './ids.ts'
import * as session from './session.ts'
import type { FileMetadata, Progress, StoredFile } from './session.ts'
import type { DriveAnswer, DriveRequest, Send } from './transport.ts'
import { createWindow } from './window.ts'
import type { Window } from './window.ts'

/** A file that Drive has, whole: its size and SHA-256 are those of the bytes that were streamed. */
export type UploadedFile = StoredFile & { sha256: string }

/** What the caller says of a file; its id is ours to reserve. */
export type NewFile = Omit<FileMetadata, 'id'>

export interface Uploads {
  /**
   * Stores everything that the source gives as one new file.
   *
   * @param source its end means that the file is whole; an error that it is not
   * @param signal gives the upload up
   * @throws {GatewayError} after which Drive has neither the file nor an open session; and whatever
   *   the source throws, with the same promise
   */
  store(
    account: DriveAccount,
    file: NewFile,
    source: AsyncIterable<Buffer>,
    signal: AbortSignal,
  ): Promise<UploadedFile>
  /** Takes a file out of Drive again; not in the bin. */
  remove(account: DriveAccount, id: string): Promise<void>
}

export interface UploadParts {
  send: Send
  ids: Ids
  /** Where Drive is, with a slash at the end. */
  root: string
  /** Bytes of a chunk, a multiple of 256 KiB; twice that is held in memory. */
  chunkBytes?: number
  /** Waits between two tries; replaced in tests. */
  wait?: (ms: number, signal: AbortSignal) => Promise<void>
  /** Told of a file or session that could not be cleared away. */
  onLeftBehind?: (id: string, error: unknown) => void
}

/** Fruitless rounds in a row before an upload is given up. */
const patience = 6
const firstWaitMs = 500
const longestWaitMs = 16_000
/** What is cleared away after a failure is cleared away within this. */
const cleanUpMs = 5_000

export function createUploads(parts: UploadParts): Uploads {
  const { send, ids, root } = parts
  const chunkBytes = parts.chunkBytes ?? 16 * session.chunkUnit
  const wait = parts.wait ?? ((ms, signal) => sleep(ms, undefined, { signal }))

  /** Sends with the account's token, and once more with a fresh one where Drive refuses the first. */
  async function authorized(
    account: DriveAccount,
    request: DriveRequest,
    signal: AbortSignal,
  ): Promise<DriveAnswer> {
    const token = await account.token()
    const answer = await send(withToken(request, token), signal)
    if (answer.status !== 401) return answer
    return send(withToken(request, await account.token(token)), signal)
  }

  /** Counts fruitless rounds and waits between them, longer each time, up to what Drive asks for. */
  function createPatience(signal: AbortSignal): {
    progressed(): void
    spend(error: unknown): Promise<void>
  } {
    let rounds = 0
    return {
      progressed: () => void (rounds = 0),
      async spend(error) {
        const asked = error instanceof GatewayError ? (error.retryAfterSeconds ?? 0) * 1000 : 0
        if (++rounds >= patience || asked > longestWaitMs) throw error
        const ceiling = Math.min(longestWaitMs, firstWaitMs * 2 ** (rounds - 1))
        await wait(Math.max(asked, Math.random() * ceiling), signal)
      },
    }
  }

  async function lookUp(
    account: DriveAccount,
    id: string,
    signal: AbortSignal,
  ): Promise<StoredFile | undefined> {
    const answer = await authorized(account, session.lookUpRequest(root, id), signal)
    if (answer.status === 404) return undefined
    const file = answer.status === 200 ? session.readFile(answer.body) : undefined
    if (!file) throw readFailure(answer)
    return file
  }

  /** One request for a file that has come whole: repeated with the same id, it cannot make two. */
  async function storeAtOnce(upload: Upload, signal: AbortSignal): Promise<StoredFile> {
    const { account, metadata, window } = upload
    const patienceLeft = createPatience(signal)
    for (;;) {
      try {
        const content = window.slice(0, window.end)
        upload.mayExist = true
        const answer = await authorized(
          account,
          session.createRequest(root, metadata, content),
          signal,
        )
        if (answer.status === 409) {
          const file = await lookUp(account, metadata.id, signal)
          if (file) return file
        }
        if (answer.status >= 400) throw readFailure(answer)
        const progress = session.readProgress(answer)
        if (progress.state === 'stored') return progress.file
        if (progress.state === 'unclear') throw unclear(progress.status)
        throw new GatewayError('upstream_bad_response', 'Drive answered 308 to a whole file')
      } catch (error) {
        if (!isTransient(error)) throw error
        await patienceLeft.spend(error)
      }
    }
  }

  /** Chunk after chunk, each kept until Drive says that it has it. */
  async function storeInChunks(upload: Upload, signal: AbortSignal): Promise<StoredFile> {
    const { account, metadata, window } = upload
    const patienceLeft = createPatience(signal)
    let offset = 0
    let refreshed = false
    let askFirst = false

    const open = async (): Promise<StoredFile | undefined> => {
      for (;;) {
        try {
          const answer = await authorized(account, session.openRequest(root, metadata), signal)
          if (answer.status === 409) return await lookUp(account, metadata.id, signal)
          upload.sessionUri = session.readOpened(answer, root)
          return undefined
        } catch (error) {
          if (!isTransient(error)) throw error
          await patienceLeft.spend(error)
        }
      }
    }

    const sendNext = async (sessionUri: string): Promise<Progress> => {
      // One byte more than a chunk tells that the chunk is not the last.
      await window.filled(offset + chunkBytes + 1)
      const isLast = window.ended && window.end - offset <= chunkBytes
      const to = isLast ? window.end : offset + chunkBytes
      if (isLast) upload.mayExist = true
      const content = window.slice(offset, to)
      const total = isLast ? window.end : undefined
      const request =
        content.length === 0
          ? session.statusRequest(sessionUri, total)
          : session.chunkRequest(sessionUri, offset, content, total)
      const progress = session.readProgress(await putAuthorized(request))
      if (progress.state === 'incomplete' && progress.offset > to) {
        throw new GatewayError('upstream_bad_response', 'Drive has more than it was sent')
      }
      return progress
    }

    const ask = async (sessionUri: string): Promise<Progress> => {
      const total = window.ended ? window.end : undefined
      return session.readProgress(await putAuthorized(session.statusRequest(sessionUri, total)))
    }

    /** A refused chunk is not sent again blindly: part of it may have been kept. */
    const putAuthorized = async (request: DriveRequest): Promise<DriveAnswer> => {
      const token = await account.token()
      const answer = await send(withToken(request, token), signal)
      if (answer.status === 401 && !refreshed) {
        refreshed = true
        await account.token(token)
        throw new GatewayError('drive_unavailable', 'The access token ended in mid-upload')
      }
      return answer
    }

    /** The session is gone: the file may be there all the same, or everything is still here. */
    const startAgain = async (error: GatewayError): Promise<StoredFile | undefined> => {
      const file = upload.mayExist ? await lookUp(account, metadata.id, signal) : undefined
      if (file) return file
      if (window.start > 0) throw error
      await patienceLeft.spend(error)
      offset = 0
      askFirst = false
      return open()
    }

    const there = await open()
    if (there) return there
    for (;;) {
      const sessionUri = upload.sessionUri ?? ''
      let progress: Progress
      try {
        progress = askFirst ? await ask(sessionUri) : await sendNext(sessionUri)
        if (progress.state === 'unclear') throw unclear(progress.status)
      } catch (error) {
        if (error instanceof GatewayError && error.code === 'upload_lost') {
          const file = await startAgain(error)
          if (file) return file
        } else {
          if (!isTransient(error)) throw error
          await patienceLeft.spend(error)
          askFirst = true
        }
        continue
      }
      if (progress.state === 'stored') return progress.file
      if (progress.offset < window.start) {
        // An answer without a Range is sometimes wrong: the status decides.
        if (askFirst) throw new GatewayError('upload_lost', 'Drive has less than it once had')
        askFirst = true
        continue
      }
      const gained = progress.offset > offset
      askFirst = false
      offset = progress.offset
      window.release(offset)
      if (gained) patienceLeft.progressed()
      else await patienceLeft.spend(new GatewayError('upload_lost', 'Drive takes no byte more'))
    }
  }

  /** Compares what Drive stored with what was streamed. */
  async function verify(
    upload: Upload,
    file: StoredFile,
    sha256: string,
    signal: AbortSignal,
  ): Promise<UploadedFile> {
    const { account, metadata, window } = upload
    const complete =
      file.sha256 === undefined ? ((await lookUp(account, file.id, signal)) ?? file) : file
    if (complete.id !== metadata.id || complete.size !== window.end || complete.sha256 !== sha256) {
      throw new GatewayError('integrity', 'Drive’s id, size or SHA-256 is not the stream’s')
    }
    return { ...complete, sha256 }
  }

  /** After a failure: no session, no file. On a clock of its own, since the caller may be gone. */
  async function clearAway(upload: Upload): Promise<void> {
    const { account, metadata, sessionUri } = upload
    const signal = AbortSignal.timeout(cleanUpMs)
    try {
      if (sessionUri !== undefined) await send(session.cancelRequest(sessionUri), signal)
    } catch (error) {
      parts.onLeftBehind?.(metadata.id, error)
    }
    try {
      if (upload.mayExist) await remove(account, metadata.id, signal)
    } catch (error) {
      parts.onLeftBehind?.(metadata.id, error)
    }
  }

  async function remove(account: DriveAccount, id: string, signal: AbortSignal): Promise<void> {
    const patienceLeft = createPatience(signal)
    for (;;) {
      const answer = await authorized(account, session.removeRequest(root, id), signal)
      if (answer.status < 300 || answer.status === 404) return
      const failure = readFailure(answer)
      if (!isTransient(failure)) throw failure
      await patienceLeft.spend(failure)
    }
  }

  return {
    async store(account, file, source, signal) {
      const hash = createHash('sha256')
      const window = createWindow(source, 2 * chunkBytes, (piece) => void hash.update(piece))
      const id = ''
      const upload: Upload = { account, metadata: { ...file, id }, window, mayExist: false }
      try {
        upload.metadata.id = await ids.take(account)
        await window.filled(chunkBytes + 1)
        const fits = window.ended && window.end <= chunkBytes
        const stored = await (fits ? storeAtOnce(upload, signal) : storeInChunks(upload, signal))
        return await verify(upload, stored, hash.digest('hex'), signal)
      } catch (error) {
        window.close()
        await clearAway(upload)
        throw error
      }
    },

    remove: (account, id) => remove(account, id, AbortSignal.timeout(cleanUpMs)),
  }
}

/** One file on its way. */
interface Upload {
  account: DriveAccount
  metadata: FileMetadata
  window: Window
  /** Where the session is, once one is open; a secret. */
  sessionUri?: string
  /** Whether a request was sent that may have created the file. */
  mayExist: boolean
}

function withToken(request: DriveRequest, token: string): DriveRequest {
  return { ...request, headers: { ...request.headers, authorization: `Bearer ${token}` } }
}

function unclear(status: number): GatewayError {
  return new GatewayError('drive_unavailable', `Drive’s answer (${status}) says nothing`)
}
