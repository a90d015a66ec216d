/** Drive's requests, counted and timed on their way: nothing of them is told but their method. */
import { GatewayError } from '../../errors.ts'
import type { Attributes, Telemetry } from '../../telemetry/metrics.ts'
import type { Budget } from '../upload/buffer-pool.ts'
import { realWait } from './retry.ts'
import type { Wait } from './retry.ts'
import type { Receive } from './stream-request.ts'
import type { DriveRequest, Send } from './transport.ts'

/**
 * Quota units by method: 5 to read, 100 to list, 200 to download, 50 to change, 5 for what else
 * there is. Drive does not say what a request to an open session costs; it counts as nothing.
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

/** By address and method; a session URI is a secret, and no part of one is kept. */
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

/** The same parts of the room, with their numbers told. */
export interface Meter {
  send(send: Send): Send
  receive(receive: Receive): Receive
  budget(budget: Budget): Budget
  wait(wait?: Wait): Wait
  /** One request of a client library; an error of its that has a `response` has its status. */
  ask<T>(method: DriveMethod, ask: () => Promise<T>): Promise<T>
}

export function createMeter(telemetry: Telemetry): Meter {
  async function around<T>(
    method: DriveMethod,
    run: () => Promise<T>,
    statusOf: (answer: T) => number,
  ): Promise<T> {
    const attributes = { 'driveway.drive.method': method }
    const units = quotaUnits[method]
    if (units > 0) telemetry.count('driveway.drive.quota_units', units, attributes)
    const since = performance.now()
    return telemetry.span({ kind: 'client', name: `drive ${method}`, attributes }, async (note) => {
      const end = (outcome: Attributes): void => {
        note(outcome)
        const seconds = (performance.now() - since) / 1000
        telemetry.measure('http.client.request.duration', seconds, { ...attributes, ...outcome })
      }
      try {
        const answer = await run()
        end(outcomeOf(statusOf(answer)))
        return answer
      } catch (error) {
        end(failureOf(error))
        throw error
      }
    })
  }

  return {
    send: (send) => (request, signal) => {
      const bytes = request.body?.reduce((sum, { length }) => sum + length, 0) ?? 0
      const method = methodOf(request)
      if (method === 'session.chunk') telemetry.measure('driveway.drive.chunk', bytes)
      return around(
        method,
        () => send(request, signal),
        ({ status }) => status,
      )
    },

    receive: (receive) => (request, signal) =>
      around(
        methodOf({ ...request, method: 'GET' }),
        () => receive(request, signal),
        ({ status }) => status,
      ),

    ask: (method, ask) => around(method, ask, () => 200),

    wait:
      (wait = realWait) =>
      (ms, signal) => {
        telemetry.count('driveway.drive.retries', 1)
        return wait(ms, signal)
      },

    budget: (budget) => ({
      enter(bytes) {
        const room = budget.enter(bytes)
        let held = 0
        let most = 0
        return {
          get wanted() {
            return room.wanted
          },
          set wanted(wanted) {
            room.wanted = wanted
          },
          get allowed() {
            return room.allowed
          },
          take() {
            const block = room.take()
            held += block?.length ?? 0
            most = Math.max(most, held)
            return block
          },
          give(block) {
            held -= block.length
            room.give(block)
          },
          leave() {
            telemetry.measure('driveway.upload.window', most)
            room.leave()
          },
        }
      },
    }),
  }
}

function outcomeOf(status: number): Attributes {
  return {
    'http.response.status_code': status,
    ...(status >= 400 ? { 'error.type': String(status) } : {}),
  }
}

function failureOf(error: unknown): Attributes {
  if (error instanceof GatewayError) return { 'error.type': error.code }
  const { response } = (error ?? {}) as { response?: { status?: unknown } }
  return typeof response?.status === 'number'
    ? outcomeOf(response.status)
    : { 'error.type': 'no answer' }
}
