/** Drive API client, bound to one account and one AbortSignal. */
import { delayAbort } from './abort-signals.ts'
import { accountHeaders, createTokenRetry } from './account.ts'
import type { DriveAccount } from './account.ts'
import { toGatewayError } from './errors.ts'
import {
  cancelSessionRequest,
  deleteFileRequest,
  getFileRequest,
  isCancelled,
  readFile,
} from './protocol.ts'
import type { StoredFile } from './protocol.ts'
import { createRetryPolicy } from './retry.ts'
import type { RetryPolicy, Sleep } from './retry.ts'
import type { DriveRequest, DriveResponse, Send } from './transport.ts'

export interface DriveClientOptions {
  send: Send
  /** Base URL of the Drive API, with a trailing slash. */
  root: string
  /** Waits between two attempts; replaced in tests. */
  sleep?: Sleep
  /** Milliseconds for which a creating request may continue after the signal aborts. */
  abortGraceMs?: number | undefined
  /** Timeout of each cleanup after a failure, in milliseconds. */
  cleanupTimeoutMs?: number | undefined
}

export interface DriveClient {
  readonly root: string
  readonly signal: AbortSignal
  /** Shared by all requests of this client. */
  readonly retryPolicy: RetryPolicy
  /** Sends once. A token that Drive rejects with 401 is replaced before the next request. */
  send(request: DriveRequest): Promise<DriveResponse>
  /** Sends, and sends once more with a fresh token after a 401. */
  request(request: DriveRequest): Promise<DriveResponse>
  /**
   * Like `request`, for a request that creates something and whose response alone identifies it.
   * It may complete within a grace period after the signal aborts, so that the result can be deleted.
   */
  create(request: DriveRequest): Promise<DriveResponse>
  /** @returns the file with this id, or `undefined` when Drive has none */
  findFile(id: string): Promise<StoredFile | undefined>
  /** Deletes a file permanently, without the bin. A missing file counts as deleted. */
  deleteFile(id: string): Promise<void>
  /** Cancels an upload session. The session URI suffices, even when the account's grant is revoked. */
  cancelSession(sessionUri: string): Promise<void>
}

/** Creates a client for cleanup. It has its own timeout, as the caller may be disconnected. */
export function createCleanupClient(
  options: DriveClientOptions,
  account: DriveAccount,
): DriveClient {
  return createDriveClient(options, account, AbortSignal.timeout(options.cleanupTimeoutMs ?? 5_000))
}

export function createDriveClient(
  { send, root, sleep, abortGraceMs = 2_000 }: DriveClientOptions,
  account: DriveAccount,
  signal: AbortSignal,
): DriveClient {
  const retryPolicy = createRetryPolicy(signal, sleep)
  const tokens = createTokenRetry(account, signal)
  let delayedSignal: AbortSignal | undefined

  const authorized =
    (request: DriveRequest, until = signal) =>
    (token: string): Promise<DriveResponse> => {
      const headers = { ...request.headers, ...accountHeaders(account, token) }
      return send({ ...request, headers }, until)
    }

  const sendAndRetry = (request: DriveRequest, until?: AbortSignal): Promise<DriveResponse> =>
    tokens.sendAndRetry(authorized(request, until))

  return {
    root,
    signal,
    retryPolicy,
    send: (request) => tokens.send(authorized(request)),
    request: (request) => sendAndRetry(request),
    create: (request) =>
      sendAndRetry(request, (delayedSignal ??= delayAbort(signal, abortGraceMs))),
    findFile: (id) =>
      retryPolicy.retry(async () => {
        const response = await sendAndRetry(getFileRequest(root, id))
        if (response.status === 404) return undefined
        const file = response.status === 200 ? readFile(response.body) : undefined
        if (!file) throw toGatewayError(response)
        return file
      }),
    deleteFile: (id) =>
      retryPolicy.retry(async () => {
        const response = await sendAndRetry(deleteFileRequest(root, id))
        if (response.status >= 300 && response.status !== 404) throw toGatewayError(response)
      }),
    cancelSession: (sessionUri) =>
      retryPolicy.retry(async () => {
        const request = cancelSessionRequest(sessionUri)
        const unauthorized = await send(request, signal)
        const response = unauthorized.status === 401 ? await sendAndRetry(request) : unauthorized
        if (!isCancelled(response)) throw toGatewayError(response)
      }),
  }
}
