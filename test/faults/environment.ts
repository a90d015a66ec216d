/** Test environment: a Drive with injected faults, two gateways, and a record of what they do. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'
import type { StoredFile } from '../../infra/sandbox/drive/index.ts'
import type { Fault } from '../../infra/sandbox/faults.ts'
import { startDriveway } from '../kit/environment.ts'
import type { Driveway } from '../kit/environment.ts'
import { chunk } from './fixture.ts'

export interface FaultEnvironment {
  /** Sends chunks of the minimum size, so that small files have many. */
  fixedChunks: Driveway
  /** Adapts the chunk size, as in production. */
  adaptiveChunks: Driveway
  /**
   * Clears all records and sessions, but not the files, and injects faults.
   *
   * @param onFault called with the index of each fault that is applied
   */
  reset(faults: readonly Fault[], onFault: (index: number) => void): void
  clearFaults(): void
  filesNamed(name: string): StoredFile[]
  openSessions(): number
  /** Milliseconds of each backoff of the gateways, which do not sleep in reality. */
  sleeps: number[]
  /** Bytes of content that were sent to Drive, completely or in part. */
  bytesSent(): number
  /** Messages of all log entries since the last reset. */
  logMessages(): string[]
  /** Whether a gateway has received the request with this `X-Test-Request`. */
  hasReceived(marker: string): boolean
  close(): Promise<void>
}

const requestStart = 'http.server.request.start'

/** Long enough for a busy machine: a fault that hangs takes this long. */
const driveTimeouts = { connect: 5_000, progress: 2_000, response: 2_000 }

export async function startEnvironment(): Promise<FaultEnvironment> {
  const sleeps: number[] = []
  const sleep = (ms: number, signal: AbortSignal): Promise<void> => {
    sleeps.push(ms)
    signal.throwIfAborted()
    return Promise.resolve()
  }
  const gateway = { sleep, driveTimeouts }
  const fixedChunks = await startDriveway({
    gateway: { ...gateway, chunkBytes: chunk },
    google: { drive: { storeBytes: false } },
  })
  const adaptiveChunks = {
    ...(await startDriveway({ gateway, sharing: fixedChunks })),
    bearer: fixedChunks.bearer,
  }
  const { google, sub } = fixedChunks
  const host = new URL(google.url).host
  let bytesSent = 0
  let received = new Set<unknown>()
  let onApplied: ((fault: Fault) => void) | undefined
  const take = google.faults.take.bind(google.faults)
  google.faults.take = (operation) => {
    const fault = take(operation)
    if (fault) onApplied?.(fault)
    return fault
  }
  const onRequest = (message: unknown): void => {
    const { headers, url } = (message as { request: IncomingMessage }).request
    if (headers['x-test-request'] !== undefined) received.add(headers['x-test-request'])
    if (headers.host !== host || !url?.startsWith('/upload/')) return
    const [, first, last] = /^bytes (\d+)-(\d+)/.exec(headers['content-range'] ?? '') ?? []
    if (first !== undefined) bytesSent += Number(last) - Number(first) + 1
    else if (url.includes('uploadType=multipart')) bytesSent += Number(headers['content-length'])
  }
  subscribe(requestStart, onRequest)

  return {
    fixedChunks,
    adaptiveChunks,
    sleeps,
    reset(faults, onFault) {
      onApplied = (fault) => onFault(faults.indexOf(fault))
      google.faults.clear()
      google.drive.expireSessions()
      const lists = [sleeps, fixedChunks.lines, adaptiveChunks.lines, google.calls]
      for (const list of lists) list.length = 0
      bytesSent = 0
      received = new Set()
      google.faults.add(...faults)
    },
    clearFaults: () => google.faults.clear(),
    filesNamed: (name) => google.drive.filesOf(sub).filter((file) => file.name === name),
    openSessions: () => google.drive.openSessions(),
    bytesSent: () => bytesSent,
    logMessages: () =>
      [...fixedChunks.lines, ...adaptiveChunks.lines].map((line) =>
        String((JSON.parse(line) as { message?: unknown }).message),
      ),
    hasReceived: (marker) => received.has(marker),
    async close() {
      unsubscribe(requestStart, onRequest)
      await adaptiveChunks.close()
      await fixedChunks.close()
    },
  }
}
