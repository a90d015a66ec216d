import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { statusDecisions } from '../../functions/drive/client/status-decisions.ts'
import type { ProblemCode } from '../../functions/errors.ts'
import type { Fault } from '../../infra/sandbox/faults.ts'
import { download, storeFile } from '../kit/download.ts'
import type { Driveway } from '../kit/environment.ts'
import { pseudoRandomBytes } from '../kit/random.ts'
import { createTusClient } from '../kit/tus.ts'
import {
  chunk,
  expectRefused,
  expectStored,
  sleeps,
  startFaultyDriveway,
  uploadWithFaults,
} from './fixture.ts'
import { faultsAt, injectionPoints } from './injection-points.ts'

let driveway: Driveway

beforeAll(async () => {
  driveway = await startFaultyDriveway()
})

afterEach(() => driveway.google.faults.clear())
afterAll(() => driveway.close())

const outsideSessions = ['create', 'open', 'metadata']
const inSessions = ['first chunk', 'middle chunk', 'last chunk', 'status']

/** Uploads a file, with Google's HTML page of this status at an injection point. */
function uploadWith(status: number, name: string, more: Partial<Fault> = {}) {
  const point = injectionPoints[name]
  if (!point) throw new Error(`Cannot find the injection point ${name}`)
  const fault = { status, htmlPage: true, ...more }
  return uploadWithFaults(driveway, point.size, ...faultsAt(point, fault))
}

describe('an upload after a transient status', () => {
  const transient = [408, 423, 425, 429, 500, 502, 503, 504, 521, 599]

  test.each(
    transient.flatMap((status) =>
      [...outsideSessions, ...inSessions].map((n) => [status, n] as const),
    ),
  )('continues after a %d with an HTML body at %s', async (status, name) => {
    for (const more of [{}, { times: 3 }, { early: true }]) {
      expectStored(driveway, await uploadWith(status, name, more))
      expect(sleeps.length).toBeGreaterThan(0)
    }
  })

  test.each(outsideSessions)('continues after a 499 with an HTML body at %s', async (name) => {
    expectStored(driveway, await uploadWith(499, name))
  })

  test('sends only the missing bytes again after a 408 to a chunk', async () => {
    expectStored(driveway, await uploadWith(408, 'middle chunk', { afterHandling: true }))
    const calls = driveway.google.calls.filter((call) => /chunk|status/.test(call))
    expect(calls.filter((call) => call === 'drive.upload.chunk')).toHaveLength(5)
    expect(calls.filter((call) => call === 'drive.upload.status')).toHaveLength(1)
  })

  test('fails with drive_timeout after ten 408s, and leaves no session', async () => {
    for (const name of inSessions) {
      expectRefused(driveway, await uploadWith(408, name, { times: 10 }), 'drive_timeout')
    }
  })

  test.each([408, 499])(
    'removes the file that Drive stored in spite of a %d, when the retry is refused',
    async (status) => {
      const operation = 'drive.upload.multipart'
      const upload = await uploadWithFaults(
        driveway,
        10,
        { operation, status, htmlPage: true, afterHandling: true },
        { operation, status: 429, headers: { 'retry-after': '3600' } },
      )
      expectRefused(driveway, upload, 'drive_rate_limited')
      expect(driveway.google.calls).toContain('drive.files.delete')
    },
  )
})

describe('an upload after a final status', () => {
  const final: [status: number, code: ProblemCode][] = [
    [400, 'upstream_bad_response'],
    [403, 'upstream_bad_response'],
    [404, 'drive_not_found'],
    [405, 'upstream_bad_response'],
    [410, 'drive_not_found'],
    [412, 'upstream_bad_response'],
    [413, 'too_large'],
    [302, 'upstream_bad_response'],
  ]
  test.each(final)('fails after one %d to the request that opens it: %s', async (status, code) => {
    expectRefused(driveway, await uploadWith(status, 'open'), code)
    expect(sleeps).toEqual([])
  })

  test.each([
    [403, 'upstream_bad_response'],
    [405, 'upstream_bad_response'],
    [412, 'upstream_bad_response'],
    [413, 'too_large'],
  ] as const)('fails after one %d to a chunk: %s', async (status, code) => {
    expectRefused(driveway, await uploadWith(status, 'middle chunk'), code)
    expect(sleeps).toEqual([])
  })

  test.each([400, 404, 410, 499])(
    'opens another session after a %d to the first chunk',
    async (status) => {
      expectStored(driveway, await uploadWith(status, 'first chunk'))
      expectRefused(driveway, await uploadWith(status, 'middle chunk'), 'upload_session_lost')
    },
  )

  test('finds the file of an earlier attempt after a 409', async () => {
    const operation = 'drive.upload.multipart'
    const lost = { operation, dropResponse: true }
    expectStored(driveway, await uploadWithFaults(driveway, 10, lost))
  })
})

test('an upload by tus continues after a 408 with an HTML body to a chunk and to the status query', async () => {
  const tus = createTusClient(driveway)
  const bytes = pseudoRandomBytes(4 * chunk, 7)
  const path = await tus.create({ 'upload-length': String(bytes.length) })
  driveway.google.faults.add(
    { operation: 'drive.upload.chunk', skip: 1, status: 408, htmlPage: true },
    { operation: 'drive.upload.status', skip: 1, status: 408, htmlPage: true },
  )
  const response = await tus.patch(path, 0, bytes)
  expect([response.status, response.headers['upload-offset']]).toEqual([204, String(bytes.length)])
  expect(driveway.google.faults.pending()).toBe(0)
})

test('a download continues after a 408, 423, 425, 499 or 521', async () => {
  const id = await storeFile(driveway, 'a.txt', 'hello')
  for (const status of [408, 423, 425, 499, 521]) {
    for (const operation of ['drive.files.get', 'drive.files.media']) {
      driveway.google.faults.add({ operation, status, htmlPage: true })
      expect(await download(driveway, `/files/${id}/content`)).toMatchObject({
        status: 200,
        body: 'hello',
      })
    }
  }
})

test('every status with a decision has a test', () => {
  const tested = [400, 401, 403, 404, 408, 409, 410, 413, 423, 425, 429, 499]
  expect(Object.keys(statusDecisions).map(Number)).toEqual(tested)
})
