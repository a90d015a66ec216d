/** A Drive that fails as it is told, two gateways to it, and all that they can be seen to do. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'
import type { StoredFile } from '../../infra/sandbox/drive/index.ts'
import type { Fault } from '../../infra/sandbox/faults.ts'
import { startDriveway } from '../kit/environment.ts'
import type { Driveway } from '../kit/environment.ts'
import { chunk } from './fixture.ts'

export interface World {
  /** Sends chunks of the least size, so that small files have many. */
  even: Driveway
  /** Sends chunks as it does in production. */
  paced: Driveway
  /** Forgets all but what is in Drive, and has it fail: each time, `onStrike` is told of the fault. */
  begin(faults: readonly Fault[], onStrike: (index: number) => void): void
  /** Drive fails no more. */
  recover(): void
  filesNamed(name: string): StoredFile[]
  openSessions(): number
  /** Milliseconds of each wait that the gateways would have made. */
  waits: number[]
  /** Bytes of content that Drive was sent, or began to be sent. */
  sent(): number
  /** Messages of all lines logged since the beginning. */
  logged(): string[]
  /** Whether a gateway has seen the request with this `X-Visit`. */
  hasSeen(visit: string): boolean
  close(): Promise<void>
}

const starts = 'http.server.request.start'

/** Long enough for a busy machine: what a silence takes is all that it costs. */
const silence = { connect: 5_000, progress: 2_000, answer: 2_000 }

export async function startWorld(): Promise<World> {
  const waits: number[] = []
  const wait = (ms: number, signal: AbortSignal): Promise<void> => {
    waits.push(ms)
    signal.throwIfAborted()
    return Promise.resolve()
  }
  const gateway = { wait, driveTimeouts: silence }
  const even = await startDriveway({
    gateway: { ...gateway, chunkBytes: chunk },
    google: { drive: { keepBytes: false } },
  })
  const paced = { ...(await startDriveway({ gateway, beside: even })), bearer: even.bearer }
  const { google, sub } = even
  const host = new URL(google.url).host
  let sent = 0
  let seen = new Set<unknown>()
  let told: ((fault: Fault) => void) | undefined
  const take = google.faults.take.bind(google.faults)
  google.faults.take = (operation) => {
    const fault = take(operation)
    if (fault) told?.(fault)
    return fault
  }
  const see = (message: unknown): void => {
    const { headers, url } = (message as { request: IncomingMessage }).request
    if (headers['x-visit'] !== undefined) seen.add(headers['x-visit'])
    if (headers.host !== host || !url?.startsWith('/upload/')) return
    const [, first, last] = /^bytes (\d+)-(\d+)/.exec(headers['content-range'] ?? '') ?? []
    if (first !== undefined) sent += Number(last) - Number(first) + 1
    else if (url.includes('uploadType=multipart')) sent += Number(headers['content-length'])
  }
  subscribe(starts, see)

  return {
    even,
    paced,
    waits,
    begin(faults, onStrike) {
      told = (fault) => onStrike(faults.indexOf(fault))
      google.faults.clear()
      google.drive.forgetSessions()
      for (const list of [waits, even.lines, paced.lines, google.calls]) list.length = 0
      sent = 0
      seen = new Set()
      google.faults.add(...faults)
    },
    recover: () => google.faults.clear(),
    filesNamed: (name) => google.drive.filesOf(sub).filter((file) => file.name === name),
    openSessions: () => google.drive.openSessions(),
    sent: () => sent,
    logged: () =>
      [...even.lines, ...paced.lines].map((line) =>
        String((JSON.parse(line) as { message?: unknown }).message),
      ),
    hasSeen: (visit) => seen.has(visit),
    async close() {
      unsubscribe(starts, see)
      await paced.close()
      await even.close()
    },
  }
}
