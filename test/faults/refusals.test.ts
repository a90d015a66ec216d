import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { Fault } from '../../infra/sandbox/faults.ts'
import { listen } from '../kit/environment.ts'
import type { Driveway } from '../kit/environment.ts'
import { chunk, expectRefused, expectStored, refusal, startFaulty, uploadWith } from './fixture.ts'
import { at, positions } from './injection-points.ts'
import type { Position } from './injection-points.ts'

let driveway: Driveway
let elsewhere: Server
let elsewhereOrigin: string
let heardElsewhere: string[] = []

beforeAll(async () => {
  driveway = await startFaulty()
  elsewhere = createServer((req, res) => {
    heardElsewhere.push(`${req.method} ${req.headers.authorization}`)
    res.end()
  })
  elsewhereOrigin = await listen(elsewhere)
})

beforeEach(() => {
  heardElsewhere = []
})

afterAll(async () => {
  elsewhere.close()
  await driveway.close()
})

const put = 'drive.upload.chunk'
const large = positions['first chunk'] as Position

describe.each(['create', 'open', 'first chunk', 'middle chunk', 'last chunk', 'status'])(
  'a refusal by reason at %s (case 73)',
  (name) => {
    const position = positions[name] as Position
    test.each([
      ['storageQuotaExceeded', 'drive_full'],
      ['teamDriveFileLimitExceeded', 'drive_forbidden'],
      ['insufficientFilePermissions', 'drive_forbidden'],
      ['domainPolicy', 'drive_forbidden'],
      ['dailyLimitExceeded', 'drive_forbidden'],
      ['insufficientPermissions', 'reauth_required'],
      ['accessNotConfigured', 'misconfigured'],
      ['neverHeardOf', 'upstream_bad_response'],
    ] as const)('%s is not tried again: %s', async (reason, code) => {
      const faults = at(position, refusal(403, reason))
      const upload = await uploadWith(driveway, position.size, ...faults)
      expectRefused(driveway, upload, code)
      expect(upload.answer.body).not.toContain('Refused')
    })

    test('a 403 of HTML is not tried again', async () => {
      const faults = at(position, { status: 403, body: '<html>Forbidden</html>' })
      const upload = await uploadWith(driveway, position.size, ...faults)
      expectRefused(driveway, upload, 'upstream_bad_response')
    })
  },
)

test('a Drive that is full, before or in mid-upload, is said as such (case 73)', async () => {
  const { google, sub } = driveway
  const used = google.drive.filesOf(sub).reduce((sum, { size }) => sum + (size ?? 0), 0)
  for (const [room, size] of [
    [0, 10],
    [chunk + 10, 4 * chunk],
  ] as const) {
    google.drive.setQuota(used + room)
    expectRefused(driveway, await uploadWith(driveway, size), 'drive_full')
  }
  google.drive.setQuota(Infinity)
})

describe('what Drive says that it has', () => {
  test.each([null, 'bytes=0-0', `bytes=0-${chunk - 2}`, `bytes=0-${2 * chunk - 1}`])(
    'Range %p, below what was sent, is made up for (cases 76, 77)',
    async (range) => {
      for (const skip of [0, 1, 2]) {
        const upload = await uploadWith(driveway, 4 * chunk + 7, { operation: put, skip, range })
        if (range !== `bytes=0-${2 * chunk - 1}` || skip > 0) expectStored(driveway, upload)
        else expectRefused(driveway, upload, 'upstream_bad_response') // more than was sent yet
      }
    },
  )

  test.each([1, chunk - 1, 100_000])('only %d bytes of a chunk are kept (case 76)', async (k) => {
    const faults = [0, 1, 3].map((skip) => ({ operation: put, skip, acceptBytes: k }))
    expectStored(driveway, await uploadWith(driveway, 4 * chunk, ...faults))
  })

  test('no byte more, round after round, is the end of it (case 76)', async () => {
    const upload = await uploadWith(driveway, 2 * chunk, {
      operation: put,
      acceptBytes: 0,
      times: 100,
    })
    expectRefused(driveway, upload, 'upload_session_lost')
  })

  test.each([
    ['bytes=0-99999999', 'upstream_bad_response'],
    ['bytes=5-9', 'upstream_bad_response'],
    ['nonsense', 'upstream_bad_response'],
    ['bytes=0-1,3-4', 'upstream_bad_response'],
    ['bytes=0-', 'upstream_bad_response'],
    ['', 'upstream_bad_response'],
  ] as const)('Range %p makes no sense, and ends it (case 78)', async (range, code) => {
    const faults = { operation: put, skip: 1, range }
    expectRefused(driveway, await uploadWith(driveway, 4 * chunk, faults), code)
  })

  test.each([
    [null, 'upload_session_lost'],
    ['bytes=0-0', 'upstream_bad_response'],
    ['bytes=0-99999999', 'upstream_bad_response'],
  ] as const)(
    'Range %p in a status is believed, and ends it (cases 77, 78)',
    async (range, code) => {
      const upload = await uploadWith(
        driveway,
        4 * chunk,
        { operation: put, skip: 2, reset: true },
        { operation: 'drive.upload.status', range },
      )
      expectRefused(driveway, upload, code)
    },
  )
})

describe('a session that dies (case 79)', () => {
  test.each([404, 410, 400, 499])('with %d', async (status) => {
    for (const forget of [true, false]) {
      const dead: Fault = { operation: put, status, ...(forget ? { forget } : {}) }
      expectStored(driveway, await uploadWith(driveway, 4 * chunk, dead))
      for (const skip of [1, 3]) {
        const upload = await uploadWith(driveway, 4 * chunk, { ...dead, skip })
        expectRefused(driveway, upload, 'upload_session_lost')
      }
    }
  })

  test('again and again in the first chunk', async () => {
    const upload = await uploadWith(driveway, 2 * chunk, {
      operation: put,
      forget: true,
      times: 99,
    })
    expectRefused(driveway, upload, 'upload_session_lost')
  })

  test('with the file made all the same: it is the one (case 83)', async () => {
    const dead: Fault = { operation: put, skip: 3, status: 410, afterwards: true }
    expectStored(driveway, await uploadWith(driveway, 4 * chunk, dead))
  })

  test('after its last answer was lost: the file is there, and it is the one (case 83)', async () => {
    const upload = await uploadWith(
      driveway,
      4 * chunk,
      { operation: put, skip: 3, loseAnswer: true },
      { operation: 'drive.upload.status', status: 404 },
    )
    expectStored(driveway, upload)
  })
})

describe('answers that say nothing (case 84)', () => {
  const empty: Record<string, Omit<Fault, 'operation' | 'skip'>> = {
    'cut JSON': { answerBytes: 20 },
    HTML: { status: 200, body: '<html>Signed in</html>', afterwards: true },
    '10 MB': { status: 200, body: 'x'.repeat(10 << 20), afterwards: true },
    'no id': { file: { id: null } },
    '204': { status: 204, afterwards: true },
    'nothing done, and 200': { status: 200, body: '{}' },
  }
  test.each(Object.entries(empty))('%s: the status decides', async (_, fault) => {
    for (const name of ['create', 'first chunk', 'last chunk', 'status']) {
      const position = positions[name] as Position
      expectStored(driveway, await uploadWith(driveway, position.size, ...at(position, fault)))
    }
  })

  test('and go on saying nothing: the upload ends', async () => {
    const faults = [put, 'drive.upload.status'].map((operation) => ({
      operation,
      status: 200,
      body: '<html>',
      times: 99,
    }))
    const upload = await uploadWith(driveway, large.size, ...faults)
    expectRefused(driveway, upload, 'upstream_bad_response')
  })

  test.each([301, 302, 303, 307, 308])('%d to another host is not followed', async (status) => {
    const headers = { location: `${elsewhereOrigin}/caught` }
    for (const name of ['create', 'first chunk', 'last chunk', 'status', 'metadata', 'open']) {
      const position = positions[name] as Position
      const faults = at(position, { status, headers })
      const upload = await uploadWith(driveway, position.size, ...faults)
      if (upload.answer.status === 201) expectStored(driveway, upload)
      else {
        // Whatever its Location says, a 308 to a status is "nothing stored".
        const isAnswer = status === 308 && name === 'status'
        expectRefused(driveway, upload, isAnswer ? 'upload_session_lost' : 'upstream_bad_response')
      }
      if (name.endsWith('chunk')) expect(upload.answer.status).toBe(201)
    }
    expect(heardElsewhere).toEqual([])
  })
})

test('a session at an address that is not Drive’s is not used (case 39)', async () => {
  const { host } = new URL(driveway.google.url)
  for (const location of [
    `${elsewhereOrigin}/upload?upload_id=x`,
    `http://user:secret@${host}/upload?upload_id=x`,
    `https://${host}/upload?upload_id=x`,
    `//${new URL(elsewhereOrigin).host}/upload?upload_id=x`,
    '/upload?upload_id=x',
    `http://${host}/${'x'.repeat(10_240)}`,
    null,
  ]) {
    const faults = at(positions['open'] as Position, { location })
    const upload = await uploadWith(driveway, large.size, ...faults)
    expectRefused(driveway, upload, 'upstream_bad_response', 1)
  }
  expect(heardElsewhere).toEqual([])
})

describe('a file that is not what was sent (case 82)', () => {
  test.each([
    { size: '1' },
    { sha256Checksum: '0'.repeat(64) },
    { name: 'another' },
    { id: 'another' },
  ])('%j: it is removed', async (file) => {
    for (const name of ['create', 'last chunk']) {
      const position = positions[name] as Position
      const upload = await uploadWith(driveway, position.size, ...at(position, { file }))
      expectRefused(driveway, upload, 'integrity_check_failed')
    }
  })

  test.each(['sha256Checksum', 'size'])('no %s: it is asked for once', async (field) => {
    for (const name of ['create', 'last chunk']) {
      const position = positions[name] as Position
      const faults = at(position, { file: { [field]: null } })
      expectStored(driveway, await uploadWith(driveway, position.size, ...faults))
      faults.push({ operation: 'drive.files.get', file: { [field]: null } })
      const upload = await uploadWith(driveway, position.size, ...faults)
      expectRefused(driveway, upload, 'integrity_check_failed')
    }
  })

  test('fewer bytes were kept than Drive was sent', async () => {
    const faults = { operation: 'drive.upload.multipart', acceptBytes: 5 }
    expectRefused(driveway, await uploadWith(driveway, 1000, faults), 'integrity_check_failed')
  })
})
