/** Network conditions between a browser and Drive: throttled, offline, or stalled within a chunk. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { CDPSession } from 'playwright-core'
import { waitFor } from '../kit/wait-for.ts'
import type { Site } from './fixture.ts'

/**
 * Limits the browser's upload rate.
 *
 * @param rate bytes per second; `Infinity` removes the limit; `null` fails new requests (offline) and
 * does not affect active ones
 */
export async function throttle(cdp: CDPSession, rate: number | null): Promise<void> {
  await cdp.send('Network.emulateNetworkConditions', {
    offline: rate === null,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput: rate === null || rate === Infinity ? -1 : rate,
  })
}

const requestStart = 'http.server.request.start'

/** A chunk that Drive stopped reading. */
export interface StalledChunk {
  /** Resolves when Drive has read its part of the chunk. */
  stalled(): Promise<void>
  /** Resets its connection. */
  reset(): void
}

/** Makes Drive read only `bytes` bytes of the next chunk. */
export function stallChunk({ google }: Site, bytes: number): StalledChunk {
  const { host } = new URL(google.url)
  let socket: Socket | undefined
  let bytesReadBefore = 0
  const onRequestStart = (message: unknown): void => {
    const { headers, socket: requestSocket } = (message as { request: IncomingMessage }).request
    if (headers.host !== host || !/^bytes \d/.test(headers['content-range'] ?? '')) return
    unsubscribe(requestStart, onRequestStart)
    socket = requestSocket
    bytesReadBefore = requestSocket.bytesRead
  }
  google.faults.add({ operation: 'drive.upload.chunk', stallAfterBytes: bytes })
  subscribe(requestStart, onRequestStart)
  return {
    stalled: () => waitFor(() => socket && socket.bytesRead >= bytesReadBefore + bytes),
    reset: () => void socket?.resetAndDestroy(),
  }
}
