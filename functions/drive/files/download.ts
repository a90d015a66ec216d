/**
 * Downloads files, byte ranges of files, and exports of documents.
 *
 * A truncated download is always detectable. A broken connection is resumed where it broke; when that
 * fails too, the stream throws and its reader has fewer bytes than announced. The last bytes of a
 * whole file are held back until its checksum matches Drive's.
 *
 * @see Google Drive API, "Download and export files"
 */
import { createHash } from 'node:crypto'
import { GatewayError } from '../../errors.ts'
import { accountHeaders, createTokenRetry } from '../client/account.ts'
import type { DriveAccount } from '../client/account.ts'
import { createDriveClient } from '../client/drive-client.ts'
import type { DriveClientOptions } from '../client/drive-client.ts'
import { isTransient, toGatewayError } from '../client/errors.ts'
import { createRetryPolicy } from '../client/retry.ts'
import { readText } from '../client/stream-request.ts'
import type { StreamRequest, StreamResponse } from '../client/stream-request.ts'

/** A file with the content that it had when it was looked up. */
export interface FileRevision {
  id: string
  /** Bytes. */
  size: number
  /** In hex, when Drive has one. */
  sha256?: string | undefined
  /** Whether the client accepts a file that Google classifies as malware or spam. */
  acknowledgesAbuse?: boolean
}

/** Offsets in bytes. */
export interface ByteRange {
  start: number
  /** Exclusive. */
  end: number
}

export interface Downloads {
  /**
   * Resolves when Drive starts sending, so that an error is known before the response begins.
   *
   * @param range not empty
   * @throws {GatewayError} `file_changed_during_download`, `abusive_file`, or Drive's error; so does the
   *   stream
   */
  open(
    account: DriveAccount,
    file: FileRevision,
    range: ByteRange,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Buffer>>
  /**
   * Exports a document. Its length is unknown until it ends, and a broken export is not resumed.
   *
   * @throws {GatewayError} `export_too_large` over 10 MB, also when Drive fails instead of saying so, or
   *   Drive's error
   */
  export(
    account: DriveAccount,
    id: string,
    mimeType: string,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Buffer>>
}

export interface DownloadsDeps extends DriveClientOptions {
  streamRequest: StreamRequest
  /** Timeout of resuming a broken download, in milliseconds. */
  resumeTimeoutMs?: number | undefined
}

/** Drive answers 500, for ever, to the export of a PDF over 10 MB. */
const maxFailedExports = 3

export function createDownloads(deps: DownloadsDeps): Downloads {
  const { resumeTimeoutMs = 12_000 } = deps
  const fileUrl = (id: string): string => `${deps.root}drive/v3/files/${encodeURIComponent(id)}`

  /**
   * Requests content with retries, until Drive sends it or returns a permanent error.
   *
   * @param onError called with each status; throws to end the retries
   */
  async function requestContent(
    account: DriveAccount,
    url: string,
    headers: Record<string, string>,
    signal: AbortSignal,
    onError?: (status: number) => void,
  ): Promise<StreamResponse> {
    const tokens = createTokenRetry(account, signal)
    const send = async (
      token: string,
    ): Promise<{ status: number; response: StreamResponse; errorBody?: string }> => {
      const authorized = { ...headers, ...accountHeaders(account, token) }
      const response = await deps.streamRequest({ url, headers: authorized }, signal)
      const { status } = response
      if (status === 200 || status === 206) return { status, response }
      return { status, response, errorBody: await readText(response) }
    }
    return createRetryPolicy(signal, deps.sleep).retry(async () => {
      const { status, response, errorBody } = await tokens.sendAndRetry(send)
      if (errorBody === undefined) return response
      if (status === 416) throw contentChanged('The file has become shorter')
      onError?.(status)
      throw toGatewayError({ status, headers: response.headers, body: errorBody })
    })
  }

  /** Requests the content of a file, and acknowledges its classification if Drive asks for it. */
  async function requestFile(
    account: DriveAccount,
    { id, acknowledgesAbuse }: FileRevision,
    headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<StreamResponse> {
    const url = `${fileUrl(id)}?alt=media&supportsAllDrives=true`
    try {
      return await requestContent(account, url, headers, signal)
    } catch (error) {
      if (!acknowledgesAbuse || !isAbusive(error)) throw error
    }
    // Sent after the refusal only: Drive rejects the acknowledgement for any other file.
    const acknowledged = requestContent(account, `${url}&acknowledgeAbuse=true`, headers, signal)
    return acknowledged.catch((error: unknown) => {
      throw isAbusive(error) ? ownerOnly(error) : error
    })
  }

  /** Requests a byte range, and checks that the response is that range of that file. */
  async function requestRange(
    account: DriveAccount,
    file: FileRevision,
    { start, end }: ByteRange,
    signal: AbortSignal,
  ): Promise<StreamResponse> {
    const { size } = file
    const isWholeFile = start === 0 && end === size
    const headers: Record<string, string> = isWholeFile
      ? {}
      : { range: `bytes=${start}-${end - 1}` }
    const response = await requestFile(account, file, headers, signal)
    const { 'content-length': length, 'content-range': contentRange } = response.headers
    const isRequestedRange = isWholeFile
      ? response.status === 200 && (length === undefined || Number(length) === size)
      : response.status === 206 && contentRange === `bytes ${start}-${end - 1}/${size}`
    if (isRequestedRange) return response
    response.close()
    throw contentChanged('Drive’s content has another size or range than requested')
  }

  /** Requests the remaining range of a broken download, if the file is unchanged. */
  async function resume(
    account: DriveAccount,
    file: FileRevision,
    remaining: ByteRange,
    signal: AbortSignal,
  ): Promise<StreamResponse> {
    const deadline = new AbortController()
    const timeoutError = new GatewayError(
      'drive_timeout',
      'Drive did not resume the download in time',
    )
    const timer = setTimeout(() => deadline.abort(timeoutError), resumeTimeoutMs)
    const resumeSignal = AbortSignal.any([signal, deadline.signal])
    try {
      const current = await createDriveClient(deps, account, resumeSignal).findFile(file.id)
      if (current?.size !== file.size || current.sha256 !== file.sha256) {
        throw contentChanged('The file changed during the download')
      }
      return await requestRange(account, file, remaining, resumeSignal)
    } finally {
      clearTimeout(timer) // it limits the request only: the body has its own idle timeout
    }
  }

  async function* stream(
    account: DriveAccount,
    file: FileRevision,
    range: ByteRange,
    firstResponse: StreamResponse,
    signal: AbortSignal,
  ): AsyncGenerator<Buffer, void, undefined> {
    const { size, sha256 } = file
    const isWholeFile = range.start === 0 && range.end === size
    const hash = isWholeFile && sha256 !== undefined ? createHash('sha256') : undefined
    let offset = range.start
    let resumedAt = -1
    let response = firstResponse
    for (;;) {
      try {
        for await (const piece of response.body) {
          offset += piece.length
          if (offset > range.end) {
            throw new GatewayError('upstream_bad_response', 'Drive sent more bytes than announced')
          }
          hash?.update(piece)
          if (offset === range.end && hash && hash.digest('hex') !== sha256) {
            throw contentChanged('The SHA-256 of the downloaded bytes differs from Drive’s')
          }
          yield piece
        }
        if (offset === range.end) return
        throw new GatewayError('drive_unavailable', 'Drive’s response ended early')
      } catch (error) {
        // Resumed once per progress: a Drive that sends nothing more is not requested forever.
        if (!isTransient(error) || offset === resumedAt || offset === range.end) throw error
        resumedAt = offset
        response = await resume(account, file, { start: offset, end: range.end }, signal)
      }
    }
  }

  return {
    async open(account, file, range, signal) {
      const firstResponse = await requestRange(account, file, range, signal)
      return stream(account, file, range, firstResponse, signal)
    },

    async export(account, id, mimeType, signal) {
      const url = `${fileUrl(id)}/export?mimeType=${encodeURIComponent(mimeType)}`
      let failures = 0
      const countFailure = (status: number): void => {
        if (status === 500 && ++failures >= maxFailedExports) throw exportFailed()
      }
      return (await requestContent(account, url, {}, signal, countFailure)).body
    },
  }
}

function contentChanged(message: string): GatewayError {
  return new GatewayError('file_changed_during_download', message)
}

function isAbusive(error: unknown): error is GatewayError {
  return error instanceof GatewayError && error.code === 'abusive_file'
}

function ownerOnly(cause: GatewayError): GatewayError {
  return new GatewayError('drive_forbidden', 'Drive refused the acknowledgement', {
    cause,
    detail: 'Google classifies this file as malware or spam. Only its owner can download it.',
  })
}

function exportFailed(): GatewayError {
  return new GatewayError('export_too_large', `Drive failed ${maxFailedExports} times to export`, {
    detail: `Drive failed to export the document ${maxFailedExports} times. The likely cause is its size.`,
  })
}
