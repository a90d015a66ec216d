/** A function that lets errors stray: `?how=…` says from where. Served by the framework, in tests. */
import { http } from '@google-cloud/functions-framework'
import { EventEmitter } from 'node:events'
import { get } from 'node:http'
import { streamBodies } from '../../../functions/http/framework-streaming.ts'
import { createRouter } from '../../../functions/http/router.ts'
import type { RequestContext } from '../../../functions/http/router.ts'
import { createLog } from '../../../functions/http/log.ts'
import { createErrorBoundary } from '../../../functions/http/uncaught-errors.ts'
import { createOriginPolicy } from '../../../functions/http/cors.ts'
import { createGracefulShutdown } from '../../../functions/http/graceful-shutdown.ts'

const strayed = (): never => {
  throw new Error('strayed')
}

/** Each makes an error that nobody who awaits the request's work can see. */
const ways: Record<string, (call: RequestContext) => void> = {
  timer: () => void setTimeout(strayed, 1),
  immediate: () => void setImmediate(strayed),
  tick: () => process.nextTick(strayed),
  rejection: () => void Promise.reject(new Error('strayed')),
  'late rejection': () =>
    void (async () => {
      await new Promise((resolve) => setTimeout(resolve, 1))
      strayed()
    })(),
  'error event': () => void setImmediate(() => new EventEmitter().emit('error', new Error('lost'))),
  'answer of another server': ({ req }) =>
    void get({ port: req.socket.localPort, path: '/?how=fine' }, strayed),
}

/** Requests that wait to be let go. */
const waiting = new Set<() => void>()
let isAsked = false

const run = async (call: RequestContext): Promise<void> => {
  const { query, res } = call
  const how = query.get('how') ?? ''
  if (how === 'waits') await new Promise<void>((resolve) => waiting.add(resolve))
  if (how === 'let go') {
    for (const letGo of waiting) letGo()
    waiting.clear()
  }
  if (how === 'nobody') isAsked = true
  if (ways[how]) {
    ways[how](call)
    await new Promise(() => {}) // what was to settle this has thrown
  }
  res.end(String(waiting.size))
}

// This one belongs to no request.
setInterval(() => isAsked && strayed(), 5).unref()

const log = createLog('test')
const net = createErrorBoundary(log)
const serving = createGracefulShutdown()
const origins = createOriginPolicy('http://localhost', [])
const routes = [{ method: 'GET' as const, path: /^$/, run }]
const handler = createRouter('straying', routes, {
  log,
  origins,
  shutdown: serving,
  errorBoundary: net,
  isSecure: false,
})
http('straying', handler)

let adopted = false
streamBodies((server) => {
  serving.attach(server)
  if (!adopted) net.install(() => void serving.stop().then(() => process.exit(1)))
  adopted = true
}, handler)
