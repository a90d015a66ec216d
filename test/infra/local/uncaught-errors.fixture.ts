/** A function that throws outside of the request's promise chain: `?from=…` says where. */
import { http } from '@google-cloud/functions-framework'
import { EventEmitter } from 'node:events'
import { get } from 'node:http'
import { createOriginPolicy } from '../../../functions/http/cors.ts'
import { streamBodies } from '../../../functions/http/framework-streaming.ts'
import { createGracefulShutdown } from '../../../functions/http/graceful-shutdown.ts'
import { createLog } from '../../../functions/http/log.ts'
import { createRouter } from '../../../functions/http/router.ts'
import type { RequestContext } from '../../../functions/http/router.ts'
import { createErrorBoundary } from '../../../functions/http/uncaught-errors.ts'

const fail = (): never => {
  throw new Error('uncaught')
}

/** Each causes an error that the awaited work of the request does not see. */
const sources: Record<string, (context: RequestContext) => void> = {
  timer: () => void setTimeout(fail, 1),
  immediate: () => void setImmediate(fail),
  tick: () => process.nextTick(fail),
  rejection: () => void Promise.reject(new Error('uncaught')),
  'late rejection': () =>
    void (async () => {
      await new Promise((resolve) => setTimeout(resolve, 1))
      fail()
    })(),
  'error event': () => void setImmediate(() => new EventEmitter().emit('error', new Error('lost'))),
  'response callback': ({ req }) =>
    void get({ port: req.socket.localPort, path: '/?from=nowhere' }, fail),
}

/** The requests that wait for `?from=release`. */
const waiting = new Set<() => void>()
let failsOutsideRequests = false

const run = async (context: RequestContext): Promise<void> => {
  const { query, res } = context
  const source = query.get('from') ?? ''
  if (source === 'wait') await new Promise<void>((resolve) => waiting.add(resolve))
  if (source === 'release') {
    for (const release of waiting) release()
    waiting.clear()
  }
  if (source === 'background') failsOutsideRequests = true
  if (sources[source]) {
    sources[source](context)
    await new Promise(() => {}) // never settles: the code that would settle it has thrown
  }
  res.end(String(waiting.size))
}

// Started outside of any request.
setInterval(() => failsOutsideRequests && fail(), 5).unref()

const log = createLog('test')
const errorBoundary = createErrorBoundary(log)
const shutdown = createGracefulShutdown()
const origins = createOriginPolicy('http://localhost', [])
const routes = [{ method: 'GET' as const, path: /^$/, run }]
const options = { log, origins, shutdown, errorBoundary }
const handler = createRouter('failing', routes, options)
http('failing', handler)

let isInstalled = false
streamBodies((server) => {
  shutdown.attach(server)
  if (!isInstalled) errorBoundary.install(() => void shutdown.stop().then(() => process.exit(1)))
  isInstalled = true
}, handler)
