/** What the HTTP/1 servers of this process have received: a test waits for it instead of for a time. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

export interface ReceivedRequests {
  /** The server's side of the connection of each request, by its `X-Test-Id`. */
  sockets: Map<string, Socket>
  stop(): void
}

/** Records the requests with an `X-Test-Id`, until `stop()`. */
export function recordRequests(): ReceivedRequests {
  const sockets = new Map<string, Socket>()
  const channel = 'http.server.request.start'
  const record = (message: unknown): void => {
    const { headers, socket } = (message as { request: IncomingMessage }).request
    const id = headers['x-test-id']
    if (typeof id === 'string') sockets.set(id, socket)
  }
  subscribe(channel, record)
  return { sockets, stop: () => void unsubscribe(channel, record) }
}
