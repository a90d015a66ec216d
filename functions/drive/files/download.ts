/**
 * Bytes out of Drive: a file, a part of one, or what a document is exported as.
 *
 * Nothing that is cut short ever looks whole. A connection that breaks is taken up where it broke;
 * where that fails too the stream throws, and its reader has fewer bytes than it was promised. Of a
 * whole file the last bytes are held back until what came has the checksum that Drive has for it.
 *
 * @see Google Drive API, "Download and export files"
 */
import { createHash } from 'node:crypto'
import { GatewayError } from '../../errors.ts'
import type { DriveAccount } from '../client/account.ts'
import { isTransient, readFailure } from '../client/errors.ts'
import { createLine } from '../client/drive-client.ts'
import type { LineParts } from '../client/drive-client.ts'
import { createPatience } from '../client/retry.ts'
import { readText } from '../client/stream-request.ts'
import type { Receive, Received } from '../client/stream-request.ts'

/** A file as it was when it was looked at; another content is another file. */
export interface Source {
  id: string
  /** Bytes. */
  size: number
  /** In hex, where Drive has one. */
  sha256?: string | undefined
}

/** From the first of these bytes to the one before the last. */
export interface Span {
  start: number
  end: number
}

export interface Downloads {
  /**
   * Resolves once Drive sends, so that a refusal is known before anything is promised.
   *
   * @param span not empty
   * @throws {GatewayError} `file_changed_during_download`, or what Drive refuses with; so does the stream
   */
  open(
    account: DriveAccount,
    source: Source,
    span: Span,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Buffer>>
  /**
   * The same for a document; its length is known when it has ended, and a broken one is not taken up.
   *
   * @throws {GatewayError} `export_too_large` over 10 MB, or what Drive refuses with
   */
  export(
    account: DriveAccount,
    id: string,
    mimeType: string,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Buffer>>
}

export interface DownloadsParts extends LineParts {
  receive: Receive
}

/** Milliseconds within which a broken download must go on: its reader is waiting. */
const resumeMs = 12_000

export function createDownloads(parts: DownloadsParts): Downloads {
  const fileUrl = (id: string): string => `${parts.root}drive/v3/files/${encodeURIComponent(id)}`

  /** Asks until Drive sends, or refuses for good. */
  async function ask(
    account: DriveAccount,
    url: string,
    headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<Received> {
    const send = (token: string): Promise<Received> =>
      parts.receive({ url, headers: { ...headers, authorization: `Bearer ${token}` } }, signal)
    return createPatience(signal, parts.wait).retry(async () => {
      const token = await account.token()
      let answer = await send(token)
      if (answer.status === 401) {
        await readText(answer)
        answer = await send(await account.token(token))
      }
      if (answer.status === 200 || answer.status === 206) return answer
      const { status } = answer
      if (status === 416) throw changed('The file has become shorter')
      throw readFailure({ status, headers: answer.headers, body: await readText(answer) })
    })
  }

  /** Asks for a part of a file, and believes the answer only where it is that part of that file. */
  async function askSpan(
    account: DriveAccount,
    { id, size }: Source,
    { start, end }: Span,
    signal: AbortSignal,
  ): Promise<Received> {
    const isWhole = start === 0 && end === size
    const range = isWhole ? undefined : `bytes=${start}-${end - 1}`
    const url = `${fileUrl(id)}?alt=media&supportsAllDrives=true`
    const answer = await ask(account, url, range === undefined ? {} : { range }, signal)
    const { 'content-length': length, 'content-range': place } = answer.headers
    const isIt = isWhole
      ? answer.status === 200 && (length === undefined || Number(length) === size)
      : answer.status === 206 && place === `bytes ${start}-${end - 1}/${size}`
    if (isIt) return answer
    answer.close()
    throw changed('Drive sends another content than it described')
  }

  /** The same from where a broken one stopped, if the file is still the same. */
  async function resume(
    account: DriveAccount,
    source: Source,
    rest: Span,
    signal: AbortSignal,
  ): Promise<Received> {
    const deadline = new AbortController()
    const late = new GatewayError('drive_timeout', 'Drive did not go on in time')
    const timer = setTimeout(() => deadline.abort(late), resumeMs)
    const soon = AbortSignal.any([signal, deadline.signal])
    try {
      const now = await createLine(parts, account, soon).lookUp(source.id)
      if (now?.size !== source.size || now.sha256 !== source.sha256) {
        throw changed('The file was changed while it was sent')
      }
      return await askSpan(account, source, rest, soon)
    } finally {
      clearTimeout(timer) // of the asking only: the bytes have a clock of their own
    }
  }

  async function* stream(
    account: DriveAccount,
    source: Source,
    span: Span,
    first: Received,
    signal: AbortSignal,
  ): AsyncGenerator<Buffer, void, undefined> {
    const { size, sha256 } = source
    const isWhole = span.start === 0 && span.end === size
    const hash = isWhole && sha256 !== undefined ? createHash('sha256') : undefined
    let at = span.start
    let resumedAt = -1
    let answer = first
    for (;;) {
      try {
        for await (const piece of answer.body) {
          at += piece.length
          if (at > span.end) {
            throw new GatewayError('upstream_bad_response', 'Drive sent more than it said')
          }
          hash?.update(piece)
          if (at === span.end && hash && hash.digest('hex') !== sha256) {
            throw changed('What came has another checksum')
          }
          yield piece
        }
        if (at === span.end) return
        throw new GatewayError('drive_unavailable', 'Drive’s answer ended early')
      } catch (error) {
        // Once for each piece of progress: a Drive that sends nothing more is not asked for ever.
        if (!isTransient(error) || at === resumedAt || at === span.end) throw error
        resumedAt = at
        answer = await resume(account, source, { start: at, end: span.end }, signal)
      }
    }
  }

  return {
    async open(account, source, span, signal) {
      const first = await askSpan(account, source, span, signal)
      return stream(account, source, span, first, signal)
    },

    async export(account, id, mimeType, signal) {
      const url = `${fileUrl(id)}/export?mimeType=${encodeURIComponent(mimeType)}`
      return (await ask(account, url, {}, signal)).body
    },
  }
}

function changed(message: string): GatewayError {
  return new GatewayError('file_changed_during_download', message)
}
