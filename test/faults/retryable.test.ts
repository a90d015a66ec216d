import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import type { Fault } from '../../infra/sandbox/faults.ts'
import { problemCode, send } from '../kit/environment.ts'
import type { Driveway } from '../kit/environment.ts'
import {
  chunk,
  expectRefused,
  expectStored,
  refusal,
  startFaultyDriveway,
  uploadWithFaults,
  sleeps,
} from './fixture.ts'
import { faultsAt, injectionPoints } from './injection-points.ts'
import type { InjectionPoint } from './injection-points.ts'

let driveway: Driveway

beforeAll(async () => {
  driveway = await startFaultyDriveway()
})

afterAll(() => driveway.close())

const transientFaults: Record<string, Omit<Fault, 'operation' | 'skip'>> = {
  'a 500': { status: 500 },
  'five 503s': { status: 503, times: 5 },
  'a 502 with an HTML body': { status: 502, body: '<html>Bad gateway</html>' },
  'a 504 before the request body': { status: 504, early: true },
  'a 503 after handling': { status: 503, afterHandling: true },
  'a 429 with Retry-After': { status: 429, headers: { 'retry-after': '1' } },
  'a 429 with an invalid Retry-After': {
    status: 429,
    headers: { 'retry-after': 'soon' },
  },
  'a 403 rateLimitExceeded': refusal(403, 'rateLimitExceeded'),
  'a 403 userRateLimitExceeded': refusal(403, 'userRateLimitExceeded'),
  'a 401': { status: 401 },
  'a reset before the response': { reset: true },
  'a FIN before the response': { reset: true, cut: 'fin' },
  'a reset after handling': { dropResponse: true },
  'a FIN after handling': { dropResponse: true, cut: 'fin' },
  'an interim response': { interim: 103 },
  'a response byte by byte': { trickleMs: 1 },
}

describe.each(Object.entries(injectionPoints))('an upload with a fault at %s', (name, point) => {
  test.each(Object.entries(transientFaults))('succeeds after %s', async (_, fault) => {
    const upload = await uploadWithFaults(driveway, point.size, ...faultsAt(point, fault))
    // A session whose opening response was lost has an unknown URI.
    const lostSessions = name === 'open' && (fault.dropResponse || fault.afterHandling) ? 1 : 0
    expectStored(driveway, upload, lostSessions)
  })

  test('fails with drive_unavailable and Retry-After after ten 503s', async () => {
    const faults = faultsAt(point, { status: 503, times: 10, headers: { 'retry-after': '7' } })
    const upload = await uploadWithFaults(driveway, point.size, ...faults)
    expectRefused(driveway, upload, 'drive_unavailable')
    expect(upload.response.headers['retry-after']).toBe('7')
    expect(sleeps).toHaveLength(7) // maxAttempts is 8
  })

  test('fails with drive_rate_limited, and forwards a Retry-After of an hour', async () => {
    const faults = faultsAt(point, { status: 429, headers: { 'retry-after': '3600' } })
    const upload = await uploadWithFaults(driveway, point.size, ...faults)
    expectRefused(driveway, upload, 'drive_rate_limited')
    expect(upload.response.headers['retry-after']).toBe('3600')
  })
})

describe('an upload with a broken chunk', () => {
  test.each([0, 1, 64 * 1024, chunk - 1, chunk, chunk + 1])(
    'resumes at Drive’s offset after a cut at %d bytes',
    async (resetAfterBytes) => {
      const faults: Fault[] = [
        { operation: 'drive.upload.chunk', skip: 1, resetAfterBytes },
        { operation: 'drive.upload.chunk', skip: 2, resetAfterBytes, cut: 'fin' },
      ]
      expectStored(driveway, await uploadWithFaults(driveway, 4 * chunk, ...faults))
    },
  )
})

describe('an upload whose access token is rejected', () => {
  test('refreshes the token once, and sends no stored byte again', async () => {
    const faults: Fault[] = [{ operation: 'drive.upload.chunk', skip: 2, status: 401 }]
    const upload = await uploadWithFaults(driveway, 4 * chunk, ...faults)
    expectStored(driveway, upload)
    const { calls } = driveway.google
    expect(calls.filter((call) => call === 'oauth.refresh')).toHaveLength(1)
    expect(calls.filter((call) => call === 'drive.upload.chunk')).toHaveLength(5)
  })

  test('fails with reauth_required when the refreshed token is rejected too', async () => {
    for (const name of ['create', 'open', 'first chunk', 'middle chunk', 'last chunk', 'status']) {
      const point = injectionPoints[name] as InjectionPoint
      const faults = faultsAt(point, { status: 401, times: 3 })
      if (name !== 'create' && name !== 'open' && name !== 'status') {
        faults.push({ operation: 'drive.upload.status', status: 401, times: 3 })
      }
      const upload = await uploadWithFaults(driveway, point.size, ...faults)
      expect([name, problemCode(upload.response)]).toEqual([name, 'reauth_required'])
      expectRefused(driveway, upload, 'reauth_required')
    }
  })
})

/** Uses another instance, whose pool of file ids is empty. */
async function withNewInstance(use: (instance: Driveway) => Promise<void>): Promise<void> {
  const instance = await startFaultyDriveway({}, { sharing: driveway })
  try {
    await use({ ...driveway, origin: instance.origin })
  } finally {
    await instance.close()
  }
}

/** Ids are generated in batches, so each upload is the first one of its instance. */
describe('an upload with a fault while file ids are generated', () => {
  const unreadable: typeof transientFaults = {
    'a truncated response': { responseBytes: 16 },
    'an HTML response': { status: 200, body: '<html>Signed in</html>' },
    'an empty list of ids': { status: 200, body: '{"ids":[]}' },
  }
  const operation = 'drive.generateIds'

  test.each(Object.entries({ ...transientFaults, ...unreadable }))(
    'succeeds after %s',
    (_, fault) =>
      withNewInstance(async (instance) => {
        expectStored(instance, await uploadWithFaults(instance, 10, { ...fault, operation }))
      }),
  )

  test('succeeds with an idempotency key and a new folder after five 503s', () =>
    withNewInstance(async (instance) => {
      instance.google.faults.add({ operation, status: 503, times: 5 })
      const response = await send(instance.origin, `/upload/a?path=${randomUUID()}`, {
        method: 'PUT',
        headers: { ...instance.bearer, 'idempotency-key': `"${randomUUID()}"` },
        body: 'bytes',
      })
      expect(response).toMatchObject({ status: 201 })
    }))

  test('fails when no ids are ever generated', () =>
    withNewInstance(async (instance) => {
      const upload = await uploadWithFaults(instance, 10, {
        operation,
        status: 200,
        body: '{}',
        times: 99,
      })
      expectRefused(instance, upload, 'upstream_bad_response')
    }))
})
