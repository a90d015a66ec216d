import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { Fault } from '../../infra/sandbox/faults.ts'
import { listen } from '../kit/environment.ts'
import type { Driveway } from '../kit/environment.ts'
import {
  chunk,
  expectRefused,
  expectStored,
  refusal,
  startFaultyDriveway,
  uploadWithFaults,
} from './fixture.ts'
import { faultsAt, injectionPoints } from './injection-points.ts'
import type { InjectionPoint } from './injection-points.ts'

let driveway: Driveway
let otherHost: Server
let otherOrigin: string
let requestsToOtherHost: string[] = []

beforeAll(async () => {
  driveway = await startFaultyDriveway()
  otherHost = createServer((req, res) => {
    requestsToOtherHost.push(`${req.method} ${req.headers.authorization}`)
    res.end()
  })
  otherOrigin = await listen(otherHost)
})

beforeEach(() => {
  requestsToOtherHost = []
})

afterAll(async () => {
  otherHost.close()
  await driveway.close()
})

const chunkUpload = 'drive.upload.chunk'
const large = injectionPoints['first chunk'] as InjectionPoint

describe.each(['create', 'open', 'first chunk', 'middle chunk', 'last chunk', 'status'])(
  'an upload with an error response at %s',
  (name) => {
    const point = injectionPoints[name] as InjectionPoint
    test.each([
      ['storageQuotaExceeded', 'drive_full'],
      ['teamDriveFileLimitExceeded', 'drive_forbidden'],
      ['insufficientFilePermissions', 'drive_forbidden'],
      ['domainPolicy', 'drive_forbidden'],
      ['dailyLimitExceeded', 'drive_quota_exceeded'],
      ['insufficientPermissions', 'reauth_required'],
      ['accessNotConfigured', 'misconfigured'],
      ['unknownReason', 'upstream_bad_response'],
    ] as const)('does not retry reason %s: %s', async (reason, code) => {
      const faults = faultsAt(point, refusal(403, reason))
      const upload = await uploadWithFaults(driveway, point.size, ...faults)
      expectRefused(driveway, upload, code)
      expect(upload.response.body).not.toContain('Refused')
    })

    test('does not retry a 403 with an HTML body', async () => {
      const faults = faultsAt(point, { status: 403, body: '<html>Forbidden</html>' })
      const upload = await uploadWithFaults(driveway, point.size, ...faults)
      expectRefused(driveway, upload, 'upstream_bad_response')
    })
  },
)

test('an upload fails with drive_full when Drive is full, before it or during it', async () => {
  const { google, sub } = driveway
  const used = google.drive.filesOf(sub).reduce((sum, { size }) => sum + (size ?? 0), 0)
  for (const [freeBytes, size] of [
    [0, 10],
    [chunk + 10, 4 * chunk],
  ] as const) {
    google.drive.setQuota(used + freeBytes)
    expectRefused(driveway, await uploadWithFaults(driveway, size), 'drive_full')
  }
  google.drive.setQuota(Infinity)
})

describe('an upload with a wrong Range from Drive', () => {
  test.each([null, 'bytes=0-0', `bytes=0-${chunk - 2}`, `bytes=0-${2 * chunk - 1}`])(
    'sends the missing bytes again after Range %p',
    async (range) => {
      for (const skip of [0, 1, 2]) {
        const upload = await uploadWithFaults(driveway, 4 * chunk + 7, {
          operation: chunkUpload,
          skip,
          range,
        })
        if (range !== `bytes=0-${2 * chunk - 1}` || skip > 0) expectStored(driveway, upload)
        else expectRefused(driveway, upload, 'upstream_bad_response') // more bytes than were sent
      }
    },
  )

  test.each([1, chunk - 1, 100_000])(
    'continues when Drive stores only %d bytes of a chunk',
    async (acceptBytes) => {
      const faults = [0, 1, 3].map((skip) => ({ operation: chunkUpload, skip, acceptBytes }))
      expectStored(driveway, await uploadWithFaults(driveway, 4 * chunk, ...faults))
    },
  )

  test('fails with upload_session_lost when Drive stores no more bytes', async () => {
    const upload = await uploadWithFaults(driveway, 2 * chunk, {
      operation: chunkUpload,
      acceptBytes: 0,
      times: 100,
    })
    expectRefused(driveway, upload, 'upload_session_lost')
  })

  test.each([
    ['bytes=0-99999999', 'upstream_bad_response'],
    ['bytes=5-9', 'upstream_bad_response'],
    ['invalid', 'upstream_bad_response'],
    ['bytes=0-1,3-4', 'upstream_bad_response'],
    ['bytes=0-', 'upstream_bad_response'],
    ['', 'upstream_bad_response'],
  ] as const)('fails when Range is %p: %s', async (range, code) => {
    const faults = { operation: chunkUpload, skip: 1, range }
    expectRefused(driveway, await uploadWithFaults(driveway, 4 * chunk, faults), code)
  })

  test.each([
    [null, 'upload_session_lost'],
    ['bytes=0-0', 'upstream_bad_response'],
    ['bytes=0-99999999', 'upstream_bad_response'],
  ] as const)('fails when a status response has Range %p: %s', async (range, code) => {
    const upload = await uploadWithFaults(
      driveway,
      4 * chunk,
      { operation: chunkUpload, skip: 2, reset: true },
      { operation: 'drive.upload.status', range },
    )
    expectRefused(driveway, upload, code)
  })
})

describe('an upload whose session is lost', () => {
  test.each([404, 410, 400, 499])(
    'restarts at the first chunk and fails later after a %d',
    async (status) => {
      for (const expireSession of [true, false]) {
        const lost: Fault = {
          operation: chunkUpload,
          status,
          ...(expireSession ? { expireSession } : {}),
        }
        expectStored(driveway, await uploadWithFaults(driveway, 4 * chunk, lost))
        for (const skip of [1, 3]) {
          const upload = await uploadWithFaults(driveway, 4 * chunk, { ...lost, skip })
          expectRefused(driveway, upload, 'upload_session_lost')
        }
      }
    },
  )

  test('fails when the session is lost at each first chunk', async () => {
    const upload = await uploadWithFaults(driveway, 2 * chunk, {
      operation: chunkUpload,
      expireSession: true,
      times: 99,
    })
    expectRefused(driveway, upload, 'upload_session_lost')
  })

  test('returns the file that Drive has created nevertheless', async () => {
    const lost: Fault = { operation: chunkUpload, skip: 3, status: 410, afterHandling: true }
    expectStored(driveway, await uploadWithFaults(driveway, 4 * chunk, lost))
  })

  test('returns the file when the final response was lost before', async () => {
    const upload = await uploadWithFaults(
      driveway,
      4 * chunk,
      { operation: chunkUpload, skip: 3, dropResponse: true },
      { operation: 'drive.upload.status', status: 404 },
    )
    expectStored(driveway, upload)
  })
})

describe('an upload with an unreadable response', () => {
  const unreadable: Record<string, Omit<Fault, 'operation' | 'skip'>> = {
    'truncated JSON': { responseBytes: 20 },
    HTML: { status: 200, body: '<html>Signed in</html>', afterHandling: true },
    '10 MB': { status: 200, body: 'x'.repeat(10 << 20), afterHandling: true },
    'no id': { file: { id: null } },
    '204': { status: 204, afterHandling: true },
    '200 without handling the request': { status: 200, body: '{}' },
  }
  test.each(Object.entries(unreadable))('queries the status after %s', async (_, fault) => {
    for (const name of ['create', 'first chunk', 'last chunk', 'status']) {
      const point = injectionPoints[name] as InjectionPoint
      expectStored(
        driveway,
        await uploadWithFaults(driveway, point.size, ...faultsAt(point, fault)),
      )
    }
  })

  test('fails when every response is unreadable', async () => {
    const faults = [chunkUpload, 'drive.upload.status'].map((operation) => ({
      operation,
      status: 200,
      body: '<html>',
      times: 99,
    }))
    const upload = await uploadWithFaults(driveway, large.size, ...faults)
    expectRefused(driveway, upload, 'upstream_bad_response')
  })

  test.each([301, 302, 303, 307, 308])('does not follow a %d to another host', async (status) => {
    const headers = { location: `${otherOrigin}/redirected` }
    for (const name of ['create', 'first chunk', 'last chunk', 'status', 'metadata', 'open']) {
      const point = injectionPoints[name] as InjectionPoint
      const faults = faultsAt(point, { status, headers })
      const upload = await uploadWithFaults(driveway, point.size, ...faults)
      if (upload.response.status === 201) expectStored(driveway, upload)
      else {
        // A 308 to a status query means that nothing is stored, regardless of its Location.
        const isStatusResponse = status === 308 && name === 'status'
        expectRefused(
          driveway,
          upload,
          isStatusResponse ? 'upload_session_lost' : 'upstream_bad_response',
        )
      }
      if (name.endsWith('chunk')) expect(upload.response.status).toBe(201)
    }
    expect(requestsToOtherHost).toEqual([])
  })
})

test('an upload rejects a session URI that is not Drive’s', async () => {
  const { host } = new URL(driveway.google.url)
  for (const location of [
    `${otherOrigin}/upload?upload_id=x`,
    `http://user:secret@${host}/upload?upload_id=x`,
    `https://${host}/upload?upload_id=x`,
    `//${new URL(otherOrigin).host}/upload?upload_id=x`,
    '/upload?upload_id=x',
    `http://${host}/${'x'.repeat(10_240)}`,
    null,
  ]) {
    const faults = faultsAt(injectionPoints['open'] as InjectionPoint, { location })
    const upload = await uploadWithFaults(driveway, large.size, ...faults)
    expectRefused(driveway, upload, 'upstream_bad_response', 1)
  }
  expect(requestsToOtherHost).toEqual([])
})

describe('an upload whose file differs from the sent bytes', () => {
  test.each([
    { size: '1' },
    { sha256Checksum: '0'.repeat(64) },
    { name: 'another' },
    { id: 'another' },
  ])('deletes a file with %j', async (file) => {
    for (const name of ['create', 'last chunk']) {
      const point = injectionPoints[name] as InjectionPoint
      const upload = await uploadWithFaults(driveway, point.size, ...faultsAt(point, { file }))
      expectRefused(driveway, upload, 'integrity_check_failed')
    }
  })

  test.each(['sha256Checksum', 'size'])('requests a missing %s once', async (field) => {
    for (const name of ['create', 'last chunk']) {
      const point = injectionPoints[name] as InjectionPoint
      const faults = faultsAt(point, { file: { [field]: null } })
      expectStored(driveway, await uploadWithFaults(driveway, point.size, ...faults))
      faults.push({ operation: 'drive.files.get', file: { [field]: null } })
      const upload = await uploadWithFaults(driveway, point.size, ...faults)
      expectRefused(driveway, upload, 'integrity_check_failed')
    }
  })

  test('fails when Drive stored fewer bytes than were sent', async () => {
    const faults = { operation: 'drive.upload.multipart', acceptBytes: 5 }
    expectRefused(
      driveway,
      await uploadWithFaults(driveway, 1000, faults),
      'integrity_check_failed',
    )
  })
})
