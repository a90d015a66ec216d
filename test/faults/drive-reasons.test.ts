import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import type { Fault } from '../../infra/sandbox/faults.ts'
import { problems } from '../../functions/errors.ts'
import type { ProblemCode } from '../../functions/errors.ts'
import { send } from '../kit/environment.ts'
import type { Driveway } from '../kit/environment.ts'
import { download, storeFile } from '../kit/download.ts'
import { expectProblem, parseJson, statusAndCode } from '../kit/requests.ts'
import {
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

/** Reason, code, and words that the detail must contain. */
const refusals: [reason: string, code: ProblemCode, words: string][] = [
  ['teamDriveHierarchyTooDeep', 'drive_forbidden', '100 levels of folders'],
  ['myDriveHierarchyDepthLimitExceeded', 'drive_forbidden', '100 levels of folders'],
  ['activeItemCreationLimitExceeded', 'drive_forbidden', 'maximum number of items'],
  ['cannotAddParent', 'drive_forbidden', 'Choose another folder'],
  ['parentNotAFolder', 'not_a_folder', 'names a file'],
  ['insufficientParentPermissions', 'drive_forbidden', 'may not add files to this folder'],
  ['teamDriveMembershipRequired', 'drive_forbidden', 'not a member of the shared drive'],
  ['fileOwnerNotMemberOfTeamDrive', 'drive_forbidden', 'not a member of the shared drive'],
  ['sharingRateLimitExceeded', 'drive_quota_exceeded', 'limit on sharing'],
  ['dailyLimitExceeded', 'drive_quota_exceeded', 'tomorrow'],
  ['uploadTooLarge', 'too_large', 'size'],
  ['abuse', 'abusive_file', 'acknowledgeAbuse=true'],
]

function uploadWith(name: string, fault: Partial<Fault>) {
  const point = injectionPoints[name]
  if (!point) throw new Error(`Cannot find the injection point ${name}`)
  return uploadWithFaults(driveway, point.size, ...faultsAt(point, fault))
}

describe('an upload that Drive refuses with a reason', () => {
  test.each(refusals)('fails immediately after %s: %s', async (reason, code, words) => {
    for (const name of ['create', 'open', 'middle chunk']) {
      for (const reasonIn of ['errors', 'details'] as const) {
        const upload = await uploadWith(name, { reason, reasonIn })
        expectRefused(driveway, upload, code)
        expect(parseJson(upload.response)['detail']).toContain(words)
        expect(sleeps).toEqual([])
        const isTemporary = code === 'drive_quota_exceeded'
        expect(upload.response.headers['retry-after']).toBe(isTemporary ? '3600' : undefined)
      }
    }
  })

  test('has 403, 409, 413 or 429, and the title of its code', () => {
    const statuses = refusals.map(([, code]) => problems[code][0])
    expect(new Set(statuses)).toEqual(new Set([403, 409, 413, 429]))
  })

  test.each(['rateLimitExceeded', 'RATE_LIMIT_EXCEEDED', 'userRateLimitExceeded'])(
    'succeeds after %s, also when only details have it',
    async (reason) => {
      for (const name of ['create', 'open', 'middle chunk', 'status']) {
        for (const reasonIn of ['errors', 'details'] as const) {
          expectStored(driveway, await uploadWith(name, { reason, reasonIn, times: 2 }))
          expect(sleeps.length).toBeGreaterThan(1)
        }
      }
    },
  )

  test('fails with drive_rate_limited when RATE_LIMIT_EXCEEDED does not end', async () => {
    const fault = { reason: 'RATE_LIMIT_EXCEEDED', reasonIn: 'details' as const, times: 99 }
    expectRefused(driveway, await uploadWith('create', fault), 'drive_rate_limited')
  })

  test('is described by its specific reason when forbidden accompanies it', async () => {
    const error = {
      code: 403,
      message: 'Refused',
      errors: [{ domain: 'global', reason: 'forbidden', message: 'Refused' }],
      details: [{ reason: 'SERVICE_DISABLED' }],
    }
    const upload = await uploadWith('create', { status: 403, body: JSON.stringify({ error }) })
    expectRefused(driveway, upload, 'misconfigured')
  })
})

describe('a folder that Drive refuses with a reason', () => {
  test.each(refusals)('is not created after %s: %s', async (reason, code, words) => {
    driveway.google.faults.add({ operation: 'drive.files.create', reason })
    const path = `/upload/${randomUUID()}/a.txt`
    const options = { method: 'PUT', headers: driveway.bearer, body: 'hello' }
    const response = await send(driveway.origin, path, options)
    expectProblem(response, problems[code][0], code)
    expect(parseJson(response)['detail']).toContain(words)
    expect(
      driveway.google.drive.filesOf(driveway.sub).filter(({ name }) => name === 'a.txt'),
    ).toEqual([])
  })
})

describe('a list or download that Drive refuses with a reason', () => {
  test.each([
    ['teamDriveMembershipRequired', 'drive_forbidden'],
    ['sharingRateLimitExceeded', 'drive_quota_exceeded'],
    ['SERVICE_DISABLED', 'misconfigured'],
  ] as const)('fails after %s in details: %s', async (reason, code) => {
    const id = await storeFile(driveway, 'a.txt', 'hello')
    const fault = { reason, reasonIn: 'details' as const }
    for (const [operation, path] of [
      ['drive.files.list', '/files'],
      ['drive.files.get', `/files/${id}`],
      ['drive.files.media', `/files/${id}/content`],
    ] as const) {
      driveway.google.faults.add({ ...fault, operation })
      const response = await send(driveway.origin, path, { headers: driveway.bearer })
      expect(statusAndCode(response)).toEqual([problems[code][0], code])
    }
  })

  test('succeeds after RATE_LIMIT_EXCEEDED in details', async () => {
    const id = await storeFile(driveway, 'a.txt', 'hello')
    for (const operation of ['drive.files.get', 'drive.files.media']) {
      const fault = { reason: 'RATE_LIMIT_EXCEEDED', reasonIn: 'details' as const, times: 2 }
      driveway.google.faults.add({ ...fault, operation })
    }
    expect(await download(driveway, `/files/${id}/content`)).toMatchObject({ body: 'hello' })
  })
})
