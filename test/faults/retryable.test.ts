import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import type { Fault } from '../../infra/sandbox/faults.ts'
import { codeOf, send } from '../kit/environment.ts'
import type { Driveway } from '../kit/environment.ts'
import {
  chunk,
  expectRefused,
  expectStored,
  refusal,
  startFaulty,
  uploadWith,
  waits,
} from './fixture.ts'
import { at, positions } from './injection-points.ts'
import type { Position } from './injection-points.ts'

let driveway: Driveway

beforeAll(async () => {
  driveway = await startFaulty()
})

afterAll(() => driveway.close())

/** Each clears by itself or by asking again. */
const passing: Record<string, Omit<Fault, 'operation' | 'skip'>> = {
  'a 500 (case 71)': { status: 500 },
  'five 503s (case 71)': { status: 503, times: 5 },
  'a 502 of HTML (case 71)': { status: 502, body: '<html>Bad gateway</html>' },
  'a 504 before the body is read (cases 71, 81)': { status: 504, early: true },
  'a 503 after all was done (case 83)': { status: 503, afterwards: true },
  'a 429 with Retry-After (case 72)': { status: 429, headers: { 'retry-after': '1' } },
  'a 429 with a Retry-After that is garbage (case 72)': {
    status: 429,
    headers: { 'retry-after': 'soon' },
  },
  'a 403 rateLimitExceeded (case 73)': refusal(403, 'rateLimitExceeded'),
  'a 403 userRateLimitExceeded (case 73)': refusal(403, 'userRateLimitExceeded'),
  'a 401 (case 74)': { status: 401 },
  'a reset before anything (case 75)': { reset: true },
  'a FIN before anything (case 75)': { reset: true, cut: 'fin' },
  'a reset instead of the answer (cases 75, 83)': { loseAnswer: true },
  'a FIN instead of the answer (cases 75, 83)': { loseAnswer: true, cut: 'fin' },
  'interim answers (case 84)': { interim: 103 },
  'an answer byte by byte (case 80)': { trickle: 1 },
}

describe.each(Object.entries(positions))('at %s', (name, position) => {
  test.each(Object.entries(passing))('%s is survived', async (_, fault) => {
    const upload = await uploadWith(driveway, position.size, ...at(position, fault))
    // A session whose opening answer was lost has an address that nobody ever heard.
    const unheard = name === 'open' && (fault.loseAnswer || fault.afterwards) ? 1 : 0
    expectStored(driveway, upload, unheard)
  })

  test('ten 503s end in drive_unavailable with Retry-After (case 71)', async () => {
    const faults = at(position, { status: 503, times: 10, headers: { 'retry-after': '7' } })
    const upload = await uploadWith(driveway, position.size, ...faults)
    expectRefused(driveway, upload, 'drive_unavailable')
    expect(upload.answer.headers['retry-after']).toBe('7')
    expect(waits).toHaveLength(7) // each longer than the one before, and then it is enough
  })

  test('a wait of an hour is not waited, but passed on (case 72)', async () => {
    const faults = at(position, { status: 429, headers: { 'retry-after': '3600' } })
    const upload = await uploadWith(driveway, position.size, ...faults)
    expectRefused(driveway, upload, 'drive_rate_limited')
    expect(upload.answer.headers['retry-after']).toBe('3600')
  })
})

describe('a broken chunk (case 75)', () => {
  test.each([0, 1, 64 * 1024, chunk - 1, chunk, chunk + 1])(
    'resumes where Drive stopped, cut after %d bytes',
    async (k) => {
      const faults: Fault[] = [
        { operation: 'drive.upload.chunk', skip: 1, resetAfterBytes: k },
        { operation: 'drive.upload.chunk', skip: 2, resetAfterBytes: k, cut: 'fin' },
      ]
      expectStored(driveway, await uploadWith(driveway, 4 * chunk, ...faults))
    },
  )
})

describe('an access token that ends in mid-upload (case 74)', () => {
  test('is renewed once, and what Drive has is not sent again', async () => {
    const faults: Fault[] = [{ operation: 'drive.upload.chunk', skip: 2, status: 401 }]
    const upload = await uploadWith(driveway, 4 * chunk, ...faults)
    expectStored(driveway, upload)
    const { calls } = driveway.google
    expect(calls.filter((call) => call === 'oauth.refresh')).toHaveLength(1)
    expect(calls.filter((call) => call === 'drive.upload.chunk')).toHaveLength(5)
  })

  test('and its successor too: the person has to sign in again', async () => {
    for (const name of ['create', 'open', 'first chunk', 'middle chunk', 'last chunk', 'status']) {
      const position = positions[name] as Position
      const faults = at(position, { status: 401, times: 3 })
      if (name !== 'create' && name !== 'open' && name !== 'status') {
        faults.push({ operation: 'drive.upload.status', status: 401, times: 3 })
      }
      const upload = await uploadWith(driveway, position.size, ...faults)
      expect([name, codeOf(upload.answer)]).toEqual([name, 'reauth_required'])
      expectRefused(driveway, upload, 'reauth_required')
    }
  })
})

/** With an instance of its own that has not asked Drive for anything yet. */
async function onFresh(use: (fresh: Driveway) => Promise<void>): Promise<void> {
  const fresh = await startFaulty({}, { beside: driveway })
  try {
    await use({ ...driveway, origin: fresh.origin })
  } finally {
    await fresh.close()
  }
}

/** Ids are reserved ahead for many uploads, so each of these is the first of an instance. */
describe('ids that cannot be reserved at first are reserved later', () => {
  const unreadable: typeof passing = {
    'half an answer (case 84)': { answerBytes: 16 },
    'HTML instead of an answer (case 84)': { status: 200, body: '<html>Signed in</html>' },
    'no id at all (case 84)': { status: 200, body: '{"ids":[]}' },
  }
  const operation = 'drive.generateIds'

  test.each(Object.entries({ ...passing, ...unreadable }))('%s', (_, fault) =>
    onFresh(async (fresh) => {
      expectStored(fresh, await uploadWith(fresh, 10, { ...fault, operation }))
    }),
  )

  test('also for an upload with a key, and in a folder that is not there yet (case 71)', () =>
    onFresh(async (fresh) => {
      fresh.google.faults.add({ operation, status: 503, times: 5 })
      const answer = await send(fresh.origin, `/upload/a?path=${randomUUID()}`, {
        method: 'PUT',
        headers: { ...fresh.bearer, 'idempotency-key': `"${randomUUID()}"` },
        body: 'bytes',
      })
      expect(answer).toMatchObject({ status: 201 })
    }))

  test('and end where they never are', () =>
    onFresh(async (fresh) => {
      const upload = await uploadWith(fresh, 10, { operation, status: 200, body: '{}', times: 99 })
      expectRefused(fresh, upload, 'upstream_bad_response')
    }))
})
