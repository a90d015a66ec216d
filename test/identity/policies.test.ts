/** The policies of an account: one document, whose writes win or lose. */
import { expect, test } from '@jest/globals'
import { GatewayError } from '../../functions/errors.ts'
import { createPolicies, isPolicyRecord } from '../../functions/identity/policies.ts'
import type { PolicyRecord, PolicyTerms } from '../../functions/identity/policies.ts'
import { createMemoryRecords } from '../../functions/store/versioned-store.ts'

const terms: PolicyTerms = {
  issuer: 'https://ci.example',
  claims: { repository: 'me/app' },
  scopes: ['upload'],
  folder: null,
  limits: {},
  expiresAt: null,
}

test('there are twenty at most, however many are set at once, at two instances', async () => {
  const records = createMemoryRecords<PolicyRecord>()
  const instances = [createPolicies(records), createPolicies(records)] as const
  for (let n = 0; n < 17; n++) await instances[0].put('ada', `p${n}`, terms)
  const outcomes = await Promise.allSettled(
    Array.from({ length: 6 }, (_, n) => instances[n % 2 === 0 ? 0 : 1].put('ada', `q${n}`, terms)),
  )
  const failures = outcomes.flatMap((one) =>
    one.status === 'rejected' ? [(one.reason as GatewayError).code] : [],
  )
  expect(failures).toEqual(Array(3).fill('too_many_policies'))
  expect(await instances[0].list('ada')).toHaveLength(20)
  // One that is there can be replaced, and others have their own.
  expect((await instances[1].put('ada', 'p0', terms)).isNew).toBe(false)
  expect((await instances[1].put('grace', 'p0', terms)).isNew).toBe(true)
  await instances[0].remove('ada', 'p0')
  expect((await instances[1].put('ada', 'one-more', terms)).isNew).toBe(true)
})

test('names set at the same time do not overwrite each other', async () => {
  const records = createMemoryRecords<PolicyRecord>()
  const instances = [createPolicies(records), createPolicies(records)] as const
  await Promise.all([instances[0].put('ada', 'a', terms), instances[1].put('ada', 'b', terms)])
  expect((await instances[0].list('ada')).map(({ name }) => name)).toEqual(['a', 'b'])
})

test('a policy that was set elsewhere a moment ago is found at once, one that was not there never is', async () => {
  const records = createMemoryRecords<PolicyRecord>()
  const [here, there] = [createPolicies(records), createPolicies(records)]
  const first = await there.put('ada', 'a', terms)
  const key = here.keyOf('ada', first.policy)
  expect((await here.byKey(key))?.policy.name).toBe('a')
  const second = await there.put('ada', 'b', terms)
  expect((await here.byKey(here.keyOf('ada', second.policy)))?.policy.name).toBe('b')
  expect(await here.byKey(`${key.slice(0, 33)}${'A'.repeat(22)}`)).toBeUndefined()
  expect(await here.byKey('nonsense')).toBeUndefined()
})

test('all of them go at once', async () => {
  const policies = createPolicies(createMemoryRecords<PolicyRecord>())
  const { policy } = await policies.put('ada', 'a', terms)
  await policies.put('ada', 'b', terms)
  const key = policies.keyOf('ada', policy)
  expect(await policies.byKey(key)).toBeDefined()
  await policies.removeAll('ada')
  expect(await policies.byKey(key)).toBeUndefined()
  expect(await policies.list('ada')).toEqual([])
})

test.each([
  {},
  { sub: 'ada' },
  { sub: 'ada', policies: {} },
  { sub: 'ada', policies: [null] },
  { sub: 'ada', policies: [{ ...terms, name: 'a', handle: 'h', claims: { repository: 7 } }] },
  { sub: 'ada', policies: [{ ...terms, name: 'a' }] },
])('%j in the store lets nobody in', (record) => {
  expect(isPolicyRecord(record)).toBe(false)
})
