/**
 * Faults on demand: what a test tells the sandbox to do wrong, and when.
 *
 * The control address (`POST /sandbox/faults`) takes a list of these; each names an operation, lets
 * `skip` matching requests pass, spoils the next `times`, and is then spent.
 */
import type { Service } from './router.ts'
import { answerJson, readBody } from './router.ts'

export interface Fault {
  /** The operation to spoil, such as `drive.upload.chunk`; `*` at the end matches any rest. */
  operation: string
  /** Requests that pass unharmed first; 0 unless said. */
  skip?: number
  /** Requests that are spoiled; 1 unless said. */
  times?: number
  /** Answers this instead of doing anything; the request body is read and dropped first. */
  status?: number
  headers?: Record<string, string>
  body?: string
  /** Bytes instead of `body`, such as a gzip bomb. */
  bodyBase64?: string
  /** With `status`: answers without reading the request body. */
  early?: boolean
  /** With `status` and not `early`: answers once this many bytes of the request body were read. */
  answerAfterBytes?: number
  /** With `status`: does everything first, and then answers this. */
  afterwards?: boolean
  /** Sends this interim answer before anything else. */
  interim?: 100 | 102 | 103
  /** Cuts the connection before anything is done. */
  reset?: boolean
  /** How connections are cut: with a TCP reset unless `fin` is said. */
  cut?: 'reset' | 'fin'
  /** Does everything, then cuts the connection instead of answering. */
  loseAnswer?: boolean
  /** Sends only this many bytes of the answer's body, as if that were all of it: cut JSON. */
  answerBytes?: number
  /** Milliseconds between the single bytes of the answer's body. */
  trickle?: number
  /**
   * Never answers: `headers` does nothing at all and does not read; `answer` does everything but
   * answer; `body` does everything and sends the headers, but no body.
   */
  hang?: 'headers' | 'answer' | 'body'
  /** Milliseconds to wait before anything is done. */
  latency?: number
  /**
   * Cuts the connection once this many bytes of the body have arrived (Drive's uploads; whole units
   * of 256 KiB among them stay stored in a resumable one), or were sent (Drive's downloads).
   */
  resetAfterBytes?: number
  /**
   * Stops once this many bytes of the body have arrived (Drive's uploads) or were sent (Drive's
   * downloads), for ever.
   */
  stallAfterBytes?: number
  /** Stores at most this many bytes of the body, but answers normally (Drive's uploads). */
  acceptBytes?: number
  /** Replaces the `Range` header of a 308; `null` leaves it out (Drive's uploads). */
  range?: string | null
  /** Replaces the `Location` header of an answer; `null` leaves it out (Drive's uploads). */
  location?: string | null
  /** Changes fields of the final file JSON; `null` leaves a field out (Drive's uploads and files.get). */
  file?: Record<string, string | null>
  /** The upload session is forgotten for good; answers `status`, or 404 (Drive's session URIs). */
  forget?: boolean
  /** A page of at most this many files, perhaps 0, with a `nextPageToken` (drive.files.list). */
  pageItems?: number
  /** Changes fields of the token response; `null` leaves a field out (oauth.token, oauth.refresh). */
  tokenResponse?: Record<string, unknown>
  /** Changes claims of the ID token; `null` leaves a claim out (oauth.token, oauth.refresh). */
  idToken?: Record<string, unknown>
  /** Leaves the ID token unsigned, or signs it with a key that nobody publishes. */
  idTokenAlg?: 'none' | 'badSignature'
}

export interface Faults extends Service {
  add(...faults: Fault[]): void
  clear(): void
  /** The fault that a request of this operation suffers now, if any; counts it. */
  take(operation: string): Fault | undefined
}

export function createFaults(): Faults {
  let pending: { fault: Fault; skip: number; left: number }[] = []
  const faults: Faults = {
    add(...added) {
      for (const fault of added) {
        pending.push({ fault, skip: fault.skip ?? 0, left: fault.times ?? 1 })
      }
    },
    clear() {
      pending = []
    },
    take(operation) {
      let latency = 0
      for (const entry of pending) {
        if (!matches(entry.fault.operation, operation)) continue
        if (entry.skip > 0) {
          entry.skip--
          continue
        }
        entry.left--
        if (entry.left <= 0) pending = pending.filter((other) => other !== entry)
        // A delay alone hides no other fault: the two are suffered together.
        latency += entry.fault.latency ?? 0
        if (!isOnlyLatency(entry.fault)) return latency ? { ...entry.fault, latency } : entry.fault
      }
      return latency ? { operation, latency } : undefined
    },
    routes: [
      {
        operation: 'sandbox.faults.add',
        method: 'POST',
        path: /^\/sandbox\/faults$/,
        async handle({ req, res }) {
          const list = JSON.parse((await readBody(req)).toString('utf8')) as Fault[]
          faults.add(...list)
          answerJson(res, 201, { pending: pending.length })
        },
      },
      {
        operation: 'sandbox.faults.clear',
        method: 'DELETE',
        path: /^\/sandbox\/faults$/,
        handle({ res }) {
          faults.clear()
          answerJson(res, 200, { pending: 0 })
        },
      },
    ],
  }
  return faults
}

const onlyLatency = new Set(['operation', 'skip', 'times', 'latency'])

function isOnlyLatency(fault: Fault): boolean {
  return fault.latency !== undefined && Object.keys(fault).every((name) => onlyLatency.has(name))
}

function matches(pattern: string, operation: string): boolean {
  return pattern.endsWith('*') ? operation.startsWith(pattern.slice(0, -1)) : pattern === operation
}
