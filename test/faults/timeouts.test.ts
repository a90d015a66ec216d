import { afterAll, beforeAll, test } from '@jest/globals'
import type { Driveway } from '../kit/environment.ts'
import { chunk, expectRefused, expectStored, startFaulty, uploadWith } from './fixture.ts'
import { at, positions } from './injection-points.ts'

let driveway: Driveway

beforeAll(async () => {
  driveway = await startFaulty({ driveTimeouts: { connect: 1_000, progress: 250, answer: 250 } })
})

afterAll(() => driveway.close())

test.each(Object.entries(positions))(
  'silence at %s is survived: nothing is read, or answered, or the answer has no body (case 80)',
  async (name, position) => {
    for (const hang of ['headers', 'answer', 'body'] as const) {
      const upload = await uploadWith(driveway, position.size, ...at(position, { hang }))
      // A session whose opening answer never came has an address that nobody ever heard.
      expectStored(driveway, upload, name === 'open' && hang === 'answer' ? 1 : 0)
    }
  },
)

test('a Drive that reads no further ends in drive_timeout (case 80)', async () => {
  const stall = { operation: 'drive.upload.chunk', stallAfterBytes: 1000, times: 100 }
  expectRefused(driveway, await uploadWith(driveway, 2 * chunk, stall), 'drive_timeout')
})
