/** Uploads over raw sockets, and what they left behind. */
import { expect } from '@jest/globals'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import type { StoredFile } from '../../infra/sandbox/drive/index.ts'
import type { Driveway, DrivewayOptions } from './environment.ts'
import { startDriveway } from './environment.ts'
import { until } from './wait-for.ts'

export { until }

export interface Uploading extends Driveway {
  /** What is in Drive and was not there at the start, or when `forget` was last called. */
  uploaded(): StoredFile[]
  forget(): void
  /** Operations at Drive since the start, or since `google.calls` was emptied. */
  driveCalls(): string[]
  /** Waits until Drive has no upload session open and no file more than `files`. */
  settled(files?: number): Promise<void>
}

export async function startUploading(options: DrivewayOptions = {}): Promise<Uploading> {
  const driveway = await startDriveway(options)
  const { google, sub } = driveway
  const seeded = new Set(google.drive.filesOf(sub).map(({ id }) => id))
  const uploaded = (): StoredFile[] => google.drive.filesOf(sub).filter(({ id }) => !seeded.has(id))
  return Object.assign(driveway, {
    uploaded,
    forget() {
      for (const { id } of uploaded()) seeded.add(id)
    },
    driveCalls: () => google.calls.filter((call) => call.startsWith('drive.')),
    settled: (files = 0) =>
      until(() => google.drive.openSessions() === 0 && uploaded().length === files),
  })
}

/** The head of an upload's request. */
export function head(
  { bearer }: Pick<Driveway, 'bearer'>,
  headers: Record<string, string | number> = {},
): string {
  const all = {
    Host: 'localhost',
    ...bearer,
    'Content-Type': 'multipart/form-data; boundary=b',
    ...headers,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `POST /upload HTTP/1.1\r\n${lines.join('')}\r\n`
}

export interface Line {
  socket: Socket
  /** All that was heard so far. */
  heard(): string
  /** Whole answers in what was heard; interim ones left out. */
  statuses(): number[]
  /** Resolves when something holds for what was heard, or the line is closed. */
  hears(holds: (heard: string) => boolean): Promise<string>
  closed: Promise<void>
}

/** A connection that is spoken to by hand. */
export async function dial(origin: string): Promise<Line> {
  const { hostname, port } = new URL(origin)
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
  socket.setNoDelay(true)
  let heard = ''
  let isClosed = false
  const closed = new Promise<void>((resolve) => {
    socket.on('error', () => {})
    socket.once('end', () => socket.end())
    socket.once('close', () => {
      isClosed = true
      resolve()
    })
  })
  socket.on('data', (data) => (heard += data.toString('latin1')))
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()))
  return {
    socket,
    closed,
    heard: () => heard,
    statuses: () =>
      [...heard.matchAll(/HTTP\/1\.1 (\d{3}) /g)]
        .map(([, status]) => Number(status))
        .filter((status) => status >= 200),
    async hears(holds) {
      await until(() => isClosed || holds(heard))
      return heard
    },
  }
}

/** The code of the first problem in what was heard. */
export function codeHeard(heard: string): string | undefined {
  return /"code":"(\w+)"/.exec(heard)?.[1]
}

/** Neither a file nor a session is left in Drive. */
export function expectNothingIn({ google, uploaded }: Uploading): void {
  expect([uploaded(), google.drive.openSessions()]).toEqual([[], 0])
}
