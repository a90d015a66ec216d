/**
 * Streaming request bodies under the Functions Framework.
 *
 * The framework buffers every body before it calls the function. Node publishes each request on a
 * diagnostics channel before the framework sees it; without the two headers that announce a body, all
 * body parsers of the framework skip the request. The HTTP framing is not affected: Node's parser has
 * read it already.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'

const channel = 'http.server.request.start'

/** In the global registry, so that a second copy of this module finds the hidden headers. */
const hiddenHeaders = Symbol.for('driveway.hiddenHeaders')

type PatchedRequest = IncomingMessage & {
  [hiddenHeaders]?: { length: string | undefined; encoding: string | undefined }
}

/**
 * Enables streaming bodies for all requests of this process.
 *
 * The message also carries the server. With `serve`, the function replaces the framework's Express
 * application, which costs as much CPU as a small upload: it runs each request in a Node domain, which
 * makes every promise several times slower. `uncaught-errors.ts` and the idle timeouts replace the
 * rest of it. If a later release of Node does not publish on the channel, the framework serves as usual.
 *
 * @param onServer called with the server of each request, before the request is handled
 * @param serve the function that the framework is configured to serve
 * @returns a function that disables it
 * @see Node.js, "Diagnostics Channel": `http.server.request.start`
 */
export function streamBodies(onServer: (server: Server) => void, serve?: Serve): () => void {
  const patchedServers = new WeakSet<Server>()
  const onRequest = (message: unknown): void => {
    const { request, server } = message as { request: PatchedRequest; server: Server }
    onServer(server)
    if (serve) {
      if (patchedServers.has(server)) return
      patchedServers.add(server)
      server.removeAllListeners('request').on('request', (req, res) => void serve(req, res))
      return
    }
    if (request[hiddenHeaders]) return
    const { headers } = request
    request[hiddenHeaders] = {
      length: headers['content-length'],
      encoding: headers['transfer-encoding'],
    }
    delete headers['content-length']
    delete headers['transfer-encoding']
  }
  subscribe(channel, onRequest)
  return () => void unsubscribe(channel, onRequest)
}

type Serve = (req: IncomingMessage, res: ServerResponse) => Promise<void>

/** Restores the hidden headers. A handler calls it first. */
export function restoreHeaders(req: IncomingMessage): void {
  const hidden = (req as PatchedRequest)[hiddenHeaders]
  if (!hidden) return
  if (hidden.length !== undefined) req.headers['content-length'] = hidden.length
  if (hidden.encoding !== undefined) req.headers['transfer-encoding'] = hidden.encoding
}
