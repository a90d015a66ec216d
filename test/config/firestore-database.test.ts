/** FIRESTORE_DATABASE: all documents are in that database of the project. */
import { expect, test } from '@jest/globals'
import { startDriveway } from '../kit/environment.ts'

async function databasesUsed(env: Record<string, string>): Promise<string[]> {
  const driveway = await startDriveway({ env })
  const names = driveway.google.firestore.dump().map(({ name }) => name.split('/')[3] ?? '')
  await driveway.close()
  return [...new Set(names)]
}

test('the gateway stores documents in the database of FIRESTORE_DATABASE alone', async () => {
  expect(await databasesUsed({ FIRESTORE_DATABASE: 'driveway' })).toEqual(['driveway'])
})

test('the gateway stores documents in the database (default) without FIRESTORE_DATABASE', async () => {
  expect(await databasesUsed({})).toEqual(['(default)'])
})

test.each(['a', 'Driveway', 'x/y', '-driveway'])(
  'the gateway does not start with FIRESTORE_DATABASE=%s',
  async (FIRESTORE_DATABASE) => {
    await expect(startDriveway({ env: { FIRESTORE_DATABASE } })).rejects.toThrow(
      'FIRESTORE_DATABASE must be the ID of a database',
    )
  },
)
