/** Metrics and spans of requests to Drive. Only the method of a request is recorded. */
import { GatewayError } from '../../errors.ts'
import type { Attributes, Telemetry } from '../../telemetry/metrics.ts'
import type { BufferPool } from '../upload/buffer-pool.ts'
import { sleep } from './retry.ts'
import type { Sleep } from './retry.ts'
import type { StreamRequest } from './stream-request.ts'
import type { DriveRequest, Send } from './transport.ts'

/**
 * Quota units per method: 5 to read, 100 to list, 200 to download, 50 to write, 5 by default. Drive
 * does not document the cost of a request to an upload session; it counts as 0.
 *
 * @see Google Drive API, "Usage limits"
 */
export const quotaUnits = {
  'files.create': 50,
  'files.delete': 50,
  'files.export': 200,
  'files.generateIds': 5,
  'files.get': 5,
  'files.get_media': 200,
  'files.list': 100,
  'files.update': 50,
  'session.cancel': 0,
  'session.chunk': 0,
  'session.status': 0,
  other: 5,
} as const

export type DriveMethod = keyof typeof quotaUnits

/** Derives the API method from URL and HTTP method. Session URIs are secrets and are never recorded. */
export function methodOf({ method, url, body }: DriveRequest): DriveMethod {
  const [path = '', query = ''] = url.split('?', 2)
  if (method === 'PUT')
    return body?.some(({ length }) => length > 0) ? 'session.chunk' : 'session.status'
  const [, upload, id, rest] = /\/(upload\/)?drive\/v3\/files(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(
    path,
  ) ?? [path, '', '', '?']
  if (method === 'DELETE' && upload) return 'session.cancel'
  if (rest === 'export') return 'files.export'
  if (rest !== undefined) return 'other'
  if (method === 'POST') return id === undefined ? 'files.create' : 'other'
  if (method === 'PATCH') return 'files.update'
  if (method === 'DELETE') return 'files.delete'
  if (id === 'generateIds') return 'files.generateIds'
  if (id === undefined) return 'files.list'
  return /(?:^|&)alt=media(?:&|$)/.test(query) ? 'files.get_media' : 'files.get'
}

/** Decorators that record metrics and spans. */
export interface Instrumentation {
  send(plain: Send): Send
  streamRequest(plain: StreamRequest): StreamRequest
  bufferPool(pool: BufferPool): BufferPool
  sleep(plain?: Sleep): Sleep
  /** Instruments one request of a client library, whose errors may have a `response` with a status. */
  request<T>(method: DriveMethod, send: () => Promise<T>): Promise<T>
}

export function createInstrumentation(telemetry: Telemetry): Instrumentation {
  async function instrument<T>(
    method: DriveMethod,
    send: () => Promise<T>,
    statusOf: (response: T) => number,
  ): Promise<T> {
    const attributes = { 'driveway.drive.method': method }
    const units = quotaUnits[method]
    if (units > 0) telemetry.count('driveway.drive.quota_units', units, attributes)
    const since = performance.now()
    return telemetry.span(
      { kind: 'client', name: `drive ${method}`, attributes },
      async (setAttributes) => {
        const end = (result: Attributes): void => {
          setAttributes(result)
          const seconds = (performance.now() - since) / 1000
          telemetry.measure('http.client.request.duration', seconds, { ...attributes, ...result })
        }
        try {
          const response = await send()
          end(statusAttributes(statusOf(response)))
          return response
        } catch (error) {
          end(errorAttributes(error))
          throw error
        }
      },
    )
  }

  return {
    send: (send) => (request, signal) => {
      const bytes = request.body?.reduce((sum, { length }) => sum + length, 0) ?? 0
      const method = methodOf(request)
      if (method === 'session.chunk') telemetry.measure('driveway.drive.chunk_size', bytes)
      return instrument(
        method,
        () => send(request, signal),
        ({ status }) => status,
      )
    },

    streamRequest: (streamRequest) => (request, signal) =>
      instrument(
        methodOf({ ...request, method: 'GET' }),
        () => streamRequest(request, signal),
        ({ status }) => status,
      ),

    request: (method, send) => instrument(method, send, () => 200),

    sleep:
      (plain = sleep) =>
      (ms, signal) => {
        telemetry.count('driveway.drive.retries', 1)
        return plain(ms, signal)
      },

    bufferPool: (pool) => ({
      reserve(bytes) {
        const reservation = pool.reserve(bytes)
        let acquired = 0
        let maxAcquired = 0
        return {
          get demand() {
            return reservation.demand
          },
          set demand(demand) {
            reservation.demand = demand
          },
          get quota() {
            return reservation.quota
          },
          admit: (signal) => reservation.admit(signal),
          waitForCapacity: (signal) => reservation.waitForCapacity(signal),
          acquire() {
            const block = reservation.acquire()
            acquired += block?.length ?? 0
            maxAcquired = Math.max(maxAcquired, acquired)
            return block
          },
          release(block) {
            acquired -= block.length
            reservation.release(block)
          },
          close() {
            telemetry.measure('driveway.upload.buffer', maxAcquired)
            reservation.close()
          },
        }
      },
    }),
  }
}

function statusAttributes(status: number): Attributes {
  return {
    'http.response.status_code': status,
    ...(status >= 400 ? { 'error.type': String(status) } : {}),
  }
}

function errorAttributes(error: unknown): Attributes {
  if (error instanceof GatewayError) return { 'error.type': error.code }
  const { response } = (error ?? {}) as { response?: { status?: unknown } }
  return typeof response?.status === 'number'
    ? statusAttributes(response.status)
    : { 'error.type': 'no_response' }
}
