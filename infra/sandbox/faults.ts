/**
 * Fault injection: tests define which requests fail, and how.
 *
 * A fault names an operation, lets `skip` matching requests pass, applies to the next `times`, and is
 * then used up.
 */
import type { GoogleErrorFault } from './google-error-responses.ts'

export interface Fault extends GoogleErrorFault {
  /** The operation to fail, such as `drive.upload.chunk`; a trailing `*` matches any suffix. */
  operation: string
  /** Matching requests that pass first; default 0. */
  skip?: number
  /** Matching requests that fail; default 1. */
  times?: number
  /** Bytes instead of `body`, such as a gzip bomb. */
  bodyBase64?: string
  /** With `status`: responds without reading the request body. */
  early?: boolean
  /** With `status` and without `early`: responds once this many bytes of the body were read. */
  respondAfterBytes?: number
  /** With `status`: handles the request first, and then responds with this status. */
  afterHandling?: boolean
  /** Sends this informational response first. */
  interim?: 100 | 102 | 103
  /** Cuts the connection before the request is handled. */
  reset?: boolean
  /** How connections are cut: by a TCP reset (default) or a FIN. */
  cut?: 'reset' | 'fin'
  /** Handles the request, then cuts the connection instead of responding. */
  dropResponse?: boolean
  /** Sends only this many bytes of the response body, with a matching length: truncated JSON. */
  responseBytes?: number
  /** Milliseconds between the single bytes of the response body. */
  trickleMs?: number
  /**
   * Never responds: `headers` neither reads nor handles the request; `response` handles it and sends
   * nothing; `body` handles it and sends the headers without a body.
   */
  hang?: 'headers' | 'response' | 'body'
  /**
   * Waits until `release()` or `clear()`: `request` before the request is handled, `response` after it,
   * before the response.
   */
  hold?: 'request' | 'response'
  /** Milliseconds to wait before the request is handled. */
  latencyMs?: number
  /**
   * Cuts the connection once this many bytes of the body have arrived (Drive's uploads; a resumable
   * session keeps the whole units of 256 KiB among them), or were sent (Drive's downloads).
   */
  resetAfterBytes?: number
  /**
   * Stalls forever once this many bytes of the body have arrived (Drive's uploads) or were sent
   * (Drive's downloads).
   */
  stallAfterBytes?: number
  /** Stores at most this many bytes of the body, but responds normally (Drive's uploads). */
  acceptBytes?: number
  /** Replaces the `Range` header of a 308; `null` omits it (Drive's uploads). */
  range?: string | null
  /** Replaces the `Location` header of a response; `null` omits it (Drive's uploads). */
  location?: string | null
  /** Changes fields of the file JSON; `null` omits a field (Drive's uploads and files.get). */
  file?: Record<string, string | null>
  /** Deletes the upload session; responds with `status`, or 404 (Drive's session URIs). */
  expireSession?: boolean
  /** Maximum number of files per page, may be 0; adds a `nextPageToken` (drive.files.list). */
  pageItems?: number
  /** Milliseconds by which the list is out of date; reads by id are current (drive.files.list). */
  lagMs?: number
  /** Changes fields of the token response; `null` omits a field (oauth.token, oauth.refresh). */
  tokenResponse?: Record<string, unknown>
  /** Changes claims of the ID token; `null` omits a claim (oauth.token, oauth.refresh). */
  idToken?: Record<string, unknown>
  /** Leaves the ID token unsigned, or signs it with an unpublished key. */
  idTokenAlg?: 'none' | 'badSignature'
}

export interface Faults {
  add(...faults: Fault[]): void
  /** Removes all faults, and releases the held requests. */
  clear(): void
  /** Lets the held requests continue. */
  release(): void
  /** Resolves at the next release. */
  released(): Promise<void>
  /** The number of faults that are not used up. */
  pending(): number
  /** Returns the fault for the next request of an operation, if any, and counts it as used. */
  take(operation: string): Fault | undefined
}

export function createFaults(): Faults {
  let pending: { fault: Fault; skip: number; remaining: number }[] = []
  const held = new Set<() => void>()
  const release = (): void => {
    for (const resume of held) resume()
    held.clear()
  }
  return {
    release,
    released: () => new Promise((resolve) => held.add(resolve)),
    add(...added) {
      for (const fault of added) {
        pending.push({ fault, skip: fault.skip ?? 0, remaining: fault.times ?? 1 })
      }
    },
    clear() {
      pending = []
      release()
    },
    take(operation) {
      let latencyMs = 0
      for (const entry of pending) {
        if (!matches(entry.fault.operation, operation)) continue
        if (entry.skip > 0) {
          entry.skip--
          continue
        }
        entry.remaining--
        if (entry.remaining <= 0) pending = pending.filter((other) => other !== entry)
        // A fault that only delays combines with the next matching fault.
        latencyMs += entry.fault.latencyMs ?? 0
        if (!isLatencyOnly(entry.fault))
          return latencyMs ? { ...entry.fault, latencyMs } : entry.fault
      }
      return latencyMs ? { operation, latencyMs } : undefined
    },
    pending: () => pending.length,
  }
}

const latencyFields = new Set(['operation', 'skip', 'times', 'latencyMs'])

function isLatencyOnly(fault: Fault): boolean {
  return (
    fault.latencyMs !== undefined && Object.keys(fault).every((name) => latencyFields.has(name))
  )
}

function matches(pattern: string, operation: string): boolean {
  return pattern.endsWith('*') ? operation.startsWith(pattern.slice(0, -1)) : pattern === operation
}
