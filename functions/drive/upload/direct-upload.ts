/**
 * Bytes that go from the caller straight to Drive: a session is opened here and used there, and
 * what came of it is looked at here again.
 */
import { GatewayError } from '../../errors.ts'
import { unlessAborted } from '../client/abort-signals.ts'
import type { DriveAccount } from '../client/account.ts'
import { readFailure } from '../client/errors.ts'
import type { Ids } from './file-id-pool.ts'
import { createCleanUpLine, createLine } from '../client/drive-client.ts'
import type { Line, LineParts } from '../client/drive-client.ts'
import {
  lookUpRequest,
  openRequest,
  readFile,
  readModifiedTime,
  readOpened,
  readProgress,
  statusRequest,
} from '../client/protocol.ts'
import type { FileMetadata } from '../client/protocol.ts'
import type { NewFile, UploadedFile } from './upload.ts'

/** A file that somebody else's bytes are to make, and by what it is known again. */
export interface DirectFile extends NewFile {
  /** Reserved for this one file. */
  id: string
  /** Bytes. */
  size: number
  /** Set by us, so that a file that was changed since is told from one that is as it came. */
  modifiedTime: string
}

/** What is known of a direct upload besides the file itself. */
export type Expected = Pick<DirectFile, 'id' | 'size' | 'modifiedTime'> & {
  /** In hex, where the caller has said it. */
  sha256?: string
}

export interface DirectUploads {
  /** Names a file before there is a session for it, unless it has its name already. */
  prepare(
    account: DriveAccount,
    file: NewFile & { size: number },
    signal: AbortSignal,
  ): Promise<DirectFile>
  /** What became of a session that was opened once, if it was, and of its file. */
  find(
    account: DriveAccount,
    id: string,
    sessionUri: string | undefined,
    signal: AbortSignal,
  ): Promise<'stored' | 'open' | 'gone'>
  /**
   * Opens the session of a file: for exactly its size and type, and for pages of this one origin.
   *
   * @param origin none for a caller that is no page
   * @returns the session URI: until the file is there, or a week has passed, whoever has it can send
   *   the bytes of this one file, and do nothing else
   */
  open(
    account: DriveAccount,
    file: DirectFile,
    origin: string | undefined,
    signal: AbortSignal,
  ): Promise<string>
  /**
   * Looks at what Drive has, and believes it only where it is what was expected. A file that is not
   * is removed, unless somebody has changed it since.
   *
   * @throws {GatewayError} `upload_incomplete` while there is no file, `integrity_check_failed` or
   *   `digest_mismatch` for another one, `file_changed_after_upload` for one that is no longer as it came
   */
  check(account: DriveAccount, expected: Expected, signal: AbortSignal): Promise<UploadedFile>
}

export interface DirectParts extends LineParts {
  ids: Ids
  /** Told of a file or session that could not be cleared away. */
  onLeftBehind?: (id: string, error: unknown) => void
}

export function createDirectUploads(
  parts: DirectParts,
  now: () => number = Date.now,
): DirectUploads {
  /** On a clock of its own: the caller may be gone. */
  async function clearAway(
    account: DriveAccount,
    id: string,
    clear: (line: Line) => Promise<void>,
  ): Promise<void> {
    const line = createCleanUpLine(parts, account)
    await clear(line).catch((error: unknown) => parts.onLeftBehind?.(id, error))
  }

  return {
    async prepare(account, file, signal) {
      const id = file.id ?? (await unlessAborted(signal, parts.ids.take(account)))
      return { ...file, id, modifiedTime: file.modifiedTime ?? new Date(now()).toISOString() }
    },

    async find(account, id, sessionUri, signal) {
      const line = createLine(parts, account, signal)
      if (await line.lookUp(id)) return 'stored'
      if (sessionUri === undefined) return 'gone'
      try {
        const progress = await line.patience.retry(async () =>
          readProgress(await line.ask(statusRequest(sessionUri, undefined))),
        )
        return progress.state === 'incomplete' ? 'open' : 'stored'
      } catch (error) {
        if (error instanceof GatewayError && error.code === 'upload_session_lost') return 'gone'
        throw error
      }
    },

    async open(account, { size, ...metadata }, origin, signal) {
      const line = createLine(parts, account, signal)
      const terms = { size, ...(origin === undefined ? {} : { origin }) }
      const request = openRequest(line.root, metadata satisfies FileMetadata, terms)
      const sessionUri = await line.patience.retry(async () =>
        readOpened(await line.make(request), line.root),
      )
      if (!signal.aborted) return sessionUri
      await clearAway(account, metadata.id, (last) => last.cancel(sessionUri))
      throw signal.reason
    },

    async check(account, expected, signal) {
      const line = createLine(parts, account, signal)
      const { id } = expected
      const { file, isAsItCame } = await line.patience.retry(() => lookUp(line, expected))
      const wrong = difference(file, expected)
      if (!wrong) return file
      if (!isAsItCame) {
        throw new GatewayError('file_changed_after_upload', 'The file was changed since it came', {
          cause: wrong,
        })
      }
      await clearAway(account, id, (last) => last.remove(id))
      throw wrong
    },
  }
}

/** @throws {GatewayError} `upload_incomplete`, or `upstream_bad_response` without size or checksum */
async function lookUp(
  line: Line,
  { id, modifiedTime }: Expected,
): Promise<{ file: UploadedFile; isAsItCame: boolean }> {
  const answer = await line.ask(lookUpRequest(line.root, id))
  if (answer.status === 404) {
    throw new GatewayError('upload_incomplete', 'Drive has no file under the reserved id')
  }
  const found = answer.status === 200 ? readFile(answer.body) : undefined
  if (!found) throw readFailure(answer)
  const { size, sha256 } = found
  if (found.id !== id || size === undefined || sha256 === undefined) {
    throw new GatewayError('upstream_bad_response', 'Drive’s file lacks its size or checksum')
  }
  const isAsItCame = readModifiedTime(answer.body) === Date.parse(modifiedTime)
  return { file: { ...found, size, sha256 }, isAsItCame }
}

/** Its name may be another by now: people rename what they see. */
function difference(
  file: UploadedFile,
  { size, sha256 = file.sha256 }: Expected,
): GatewayError | undefined {
  if (file.size !== size) {
    return new GatewayError('integrity_check_failed', `Drive has ${file.size} bytes of ${size}`)
  }
  if (file.sha256 === sha256) return undefined
  return new GatewayError('digest_mismatch', 'Drive’s sha256 is not the caller’s')
}
