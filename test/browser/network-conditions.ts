/** The line from a browser to Drive: slow, cut, or held up in the middle of a chunk. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { CDPSession } from 'playwright-core'
import { until } from '../kit/wait-for.ts'
import type { Site } from './fixture.ts'

/**
 * Bytes a second that leave the browser; `null` refuses what is asked for from now on, and leaves
 * alone what is on its way; `Infinity` sets the line free.
 */
export async function flow(line: CDPSession, rate: number | null): Promise<void> {
  await line.send('Network.emulateNetworkConditions', {
    offline: rate === null,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput: rate === null || rate === Infinity ? -1 : rate,
  })
}

const starts = 'http.server.request.start'

/** A chunk of which Drive reads no more. */
export interface HeldChunk {
  /** Resolves once Drive has what it reads of it. */
  isHeld(): Promise<void>
  /** Resets its connection. */
  cut(): void
}

/** Has Drive read only so many bytes of the next chunk. */
export function holdChunk({ google }: Site, bytes: number): HeldChunk {
  const { host } = new URL(google.url)
  let socket: Socket | undefined
  let before = 0
  const see = (message: unknown): void => {
    const { headers, socket: its } = (message as { request: IncomingMessage }).request
    if (headers.host !== host || !/^bytes \d/.test(headers['content-range'] ?? '')) return
    unsubscribe(starts, see)
    socket = its
    before = its.bytesRead
  }
  google.faults.add({ operation: 'drive.upload.chunk', stallAfterBytes: bytes })
  subscribe(starts, see)
  return {
    isHeld: () => until(() => socket && socket.bytesRead >= before + bytes),
    cut: () => void socket?.resetAndDestroy(),
  }
}
