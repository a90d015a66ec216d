import { afterAll, beforeAll, test } from '@jest/globals'
import type { Driveway } from '../kit/environment.ts'
import {
  chunk,
  expectRefused,
  expectStored,
  startFaultyDriveway,
  uploadWithFaults,
} from './fixture.ts'
import { faultsAt, injectionPoints } from './injection-points.ts'

let driveway: Driveway

beforeAll(async () => {
  driveway = await startFaultyDriveway({
    driveTimeouts: { connect: 1_000, progress: 100, response: 100 },
  })
})

afterAll(() => driveway.close())

test.each(Object.entries(injectionPoints))(
  'an upload succeeds when Drive hangs at %s: before reading, before the response, or before its body',
  async (name, point) => {
    for (const hang of ['headers', 'response', 'body'] as const) {
      const upload = await uploadWithFaults(driveway, point.size, ...faultsAt(point, { hang }))
      // A session whose opening response was lost has an unknown URI.
      expectStored(driveway, upload, name === 'open' && hang === 'response' ? 1 : 0)
    }
  },
)

test('an upload fails with drive_timeout when Drive stops reading', async () => {
  const stall = { operation: 'drive.upload.chunk', stallAfterBytes: 1000, times: 100 }
  expectRefused(driveway, await uploadWithFaults(driveway, 2 * chunk, stall), 'drive_timeout')
})
