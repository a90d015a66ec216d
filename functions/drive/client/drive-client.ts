/** A line to Drive: requests in one person's name, until a signal ends it. */
import { abortedLater, unlessAborted } from './abort-signals.ts'
import type { DriveAccount } from './account.ts'
import { readFailure } from './errors.ts'
import { createPatience } from './retry.ts'
import type { Patience, Wait } from './retry.ts'
import { cancelRequest, isCancelled, lookUpRequest, readFile, removeRequest } from './protocol.ts'
import type { StoredFile } from './protocol.ts'
import type { DriveAnswer, DriveRequest, Send } from './transport.ts'

export interface LineParts {
  send: Send
  /** Where Drive is, with a slash at the end. */
  root: string
  /** Waits between two tries; replaced in tests. */
  wait?: Wait
}

export interface Line {
  readonly root: string
  readonly signal: AbortSignal
  /** One for all that is tried on this line. */
  readonly patience: Patience
  /** Sends once. */
  send(request: DriveRequest): Promise<DriveAnswer>
  /** Fetches another token in place of the one that was sent last. */
  renewToken(): Promise<void>
  /** Sends, and once more with a fresh token where Drive refuses the first. */
  ask(request: DriveRequest): Promise<DriveAnswer>
  /**
   * The same for a request that makes something and whose answer alone says what: it is given a
   * moment to end when the signal aborts, so that what it makes can be cleared away.
   */
  make(request: DriveRequest): Promise<DriveAnswer>
  /** What Drive has under an id; nothing where there is nothing. */
  lookUp(id: string): Promise<StoredFile | undefined>
  /** Takes a file out of Drive, not into the bin; one that is not there is out of it already. */
  remove(id: string): Promise<void>
  /** Gives a session up; its URI alone is enough, even when the person's tokens are dead. */
  cancel(sessionUri: string): Promise<void>
}

/** Milliseconds that a request has to end when nobody waits for it any more. */
const lastMomentMs = 2_000

/** What is cleared away after a failure is cleared away within this, each thing. */
const cleanUpMs = 5_000

/** The line on which something is cleared away: on a clock of its own, the caller may be gone. */
export function createCleanUpLine(parts: LineParts, account: DriveAccount): Line {
  return createLine(parts, account, AbortSignal.timeout(cleanUpMs))
}

export function createLine(parts: LineParts, account: DriveAccount, signal: AbortSignal): Line {
  const { root } = parts
  const patience = createPatience(signal, parts.wait)
  let later: AbortSignal | undefined
  let token = ''

  const send = async (
    request: DriveRequest,
    rejected?: string,
    until = signal,
  ): Promise<DriveAnswer> => {
    token = await unlessAborted(signal, account.token(rejected))
    const headers = { ...request.headers, authorization: `Bearer ${token}` }
    return parts.send({ ...request, headers }, until)
  }

  const ask = async (request: DriveRequest, until?: AbortSignal): Promise<DriveAnswer> => {
    const answer = await send(request, undefined, until)
    return answer.status === 401 ? send(request, token, until) : answer
  }

  return {
    root,
    signal,
    patience,
    send: (request) => send(request),
    renewToken: async () => void (await unlessAborted(signal, account.token(token))),
    ask: (request) => ask(request),
    make: (request) => ask(request, (later ??= abortedLater(signal, lastMomentMs))),
    lookUp: (id) =>
      patience.retry(async () => {
        const answer = await ask(lookUpRequest(root, id))
        if (answer.status === 404) return undefined
        const file = answer.status === 200 ? readFile(answer.body) : undefined
        if (!file) throw readFailure(answer)
        return file
      }),
    remove: (id) =>
      patience.retry(async () => {
        const answer = await ask(removeRequest(root, id))
        if (answer.status >= 300 && answer.status !== 404) throw readFailure(answer)
      }),
    cancel: (sessionUri) =>
      patience.retry(async () => {
        const request = cancelRequest(sessionUri)
        const plain = await parts.send(request, signal)
        const answer = plain.status === 401 ? await ask(request) : plain
        if (!isCancelled(answer)) throw readFailure(answer)
      }),
  }
}
