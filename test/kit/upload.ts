/** A gateway for upload suites, raw connections, and checks of what Drive stores. */
import { expect } from '@jest/globals'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import type { StoredFile } from '../../infra/sandbox/drive/index.ts'
import { sha256Of } from '../faults/fixture.ts'
import type { Driveway, DrivewayOptions } from './environment.ts'
import { startDriveway } from './environment.ts'
import { waitFor } from './wait-for.ts'

export { waitFor }

export interface UploadGateway extends Driveway {
  /** Returns the files that Drive stores since the start or the last `resetUploads()`. */
  uploaded(): StoredFile[]
  /** Hides the files that Drive stores now from `uploaded()`. */
  resetUploads(): void
  /** Returns the operations in Drive since the start, or since `google.calls` was emptied. */
  driveCalls(): string[]
  /** Waits until Drive has no open upload session and `uploaded()` returns this many files. */
  settled(files?: number): Promise<void>
}

/** Starts a gateway that tracks the uploaded files. */
export async function startUploadGateway(options: DrivewayOptions = {}): Promise<UploadGateway> {
  const driveway = await startDriveway(options)
  const { google, sub } = driveway
  const seeded = new Set(google.drive.filesOf(sub).map(({ id }) => id))
  const uploaded = (): StoredFile[] => google.drive.filesOf(sub).filter(({ id }) => !seeded.has(id))
  return Object.assign(driveway, {
    uploaded,
    resetUploads() {
      for (const { id } of uploaded()) seeded.add(id)
    },
    driveCalls: () => google.calls.filter((call) => call.startsWith('drive.')),
    settled: (files = 0) =>
      waitFor(() => google.drive.openSessions() === 0 && uploaded().length === files),
  })
}

/** Asserts that Drive stores exactly these contents, in this order. */
export function expectFiles({ uploaded }: UploadGateway, ...contents: Buffer[]): void {
  expect(uploaded().map(({ size, sha256 }) => [size, sha256])).toEqual(
    contents.map((bytes) => [bytes.length, sha256Of(bytes)]),
  )
}

/** Asserts that Drive has neither an uploaded file nor an open upload session. */
export function expectNothingStored({ google, uploaded }: UploadGateway): void {
  expect([uploaded(), google.drive.openSessions()]).toEqual([[], 0])
}

/** Returns the head of an HTTP/1.1 request with the gateway's token. */
export function requestHead(
  { bearer }: Pick<Driveway, 'bearer'>,
  method: string,
  path: string,
  headers: Record<string, string | number> = {},
): string {
  const all = { Host: 'localhost', ...bearer, ...headers }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`
}

/** Returns the head of a form upload, by default with the boundary `b`. */
export function formRequestHead(
  at: Pick<Driveway, 'bearer'>,
  headers: Record<string, string | number> = {},
): string {
  return requestHead(at, 'POST', '/upload', {
    'Content-Type': 'multipart/form-data; boundary=b',
    ...headers,
  })
}

export interface RawConnection {
  socket: Socket
  /** Returns all bytes received so far, as text. */
  received(): string
  /** Returns the statuses of the final responses received so far. */
  statuses(): number[]
  /** Waits until the condition holds for the received text, or the connection is closed. */
  waitFor(condition: (received: string) => boolean): Promise<string>
  closed: Promise<void>
}

/** Opens a TCP connection for hand-written HTTP/1.1. */
export async function openConnection(origin: string): Promise<RawConnection> {
  const { hostname, port } = new URL(origin)
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
  socket.setNoDelay(true)
  let received = ''
  let isClosed = false
  const closed = new Promise<void>((resolve) => {
    socket.on('error', () => {})
    socket.once('end', () => socket.end())
    socket.once('close', () => {
      isClosed = true
      resolve()
    })
  })
  socket.on('data', (data) => (received += data.toString('latin1')))
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()))
  return {
    socket,
    closed,
    received: () => received,
    statuses: () =>
      [...received.matchAll(/HTTP\/1\.1 (\d{3}) /g)]
        .map(([, status]) => Number(status))
        .filter((status) => status >= 200),
    async waitFor(condition) {
      await waitFor(() => isClosed || condition(received))
      return received
    },
  }
}

/** Returns the code of the first problem in received text. */
export function problemCodeIn(received: string): string | undefined {
  return /"code":"(\w+)"/.exec(received)?.[1]
}
