/** CI policies of an account: one document with conditional writes. */
import { expect, test } from '@jest/globals'
import { GatewayError } from '../../functions/errors.ts'
import { createPolicies, isPolicyRecord } from '../../functions/identity/policies.ts'
import type { PolicyRecord, PolicyParams } from '../../functions/identity/policies.ts'
import { createMemoryVersionedStore } from '../../functions/store/versioned-store.ts'

const params: PolicyParams = {
  issuer: 'https://ci.example',
  claims: { repository: 'me/app' },
  scopes: ['upload'],
  folder: null,
  limits: {},
  expiresAt: null,
}

const ada = { sub: 'ada', generation: 'a1' }
const grace = { sub: 'grace', generation: 'g1' }

test('an account has at most 20 policies, also when two instances create them concurrently', async () => {
  const records = createMemoryVersionedStore<PolicyRecord>()
  const instances = [createPolicies(records), createPolicies(records)] as const
  for (let n = 0; n < 17; n++) await instances[0].put(ada, `p${n}`, params)
  const results = await Promise.allSettled(
    Array.from({ length: 6 }, (_, n) => instances[n % 2 === 0 ? 0 : 1].put(ada, `q${n}`, params)),
  )
  const failures = results.flatMap((result) =>
    result.status === 'rejected' ? [(result.reason as GatewayError).code] : [],
  )
  expect(failures).toEqual(Array(3).fill('too_many_policies'))
  expect(await instances[0].list(ada)).toHaveLength(20)
  // An existing policy can be replaced, and other accounts have a limit of their own.
  expect((await instances[1].put(ada, 'p0', params)).isNew).toBe(false)
  expect((await instances[1].put(grace, 'p0', params)).isNew).toBe(true)
  await instances[0].remove(ada, 'p0')
  expect((await instances[1].put(ada, 'one-more', params)).isNew).toBe(true)
})

test('concurrent put() calls at two instances keep both policies', async () => {
  const records = createMemoryVersionedStore<PolicyRecord>()
  const instances = [createPolicies(records), createPolicies(records)] as const
  await Promise.all([instances[0].put(ada, 'a', params), instances[1].put(ada, 'b', params)])
  expect((await instances[0].list(ada)).map(({ name }) => name)).toEqual(['a', 'b'])
})

test('findByKey() finds a policy that another instance has just created, and no unknown one', async () => {
  const records = createMemoryVersionedStore<PolicyRecord>()
  const [instance, other] = [createPolicies(records), createPolicies(records)]
  const first = await other.put(ada, 'a', params)
  const key = instance.keyOf('ada', first.policy)
  expect((await instance.findByKey(key))?.policy.name).toBe('a')
  const second = await other.put(ada, 'b', params)
  expect((await instance.findByKey(instance.keyOf('ada', second.policy)))?.policy.name).toBe('b')
  expect(await instance.findByKey(`${key.slice(0, 33)}${'A'.repeat(22)}`)).toBeUndefined()
  expect(await instance.findByKey('nonsense')).toBeUndefined()
})

test('removeAll() takes effect at once', async () => {
  const policies = createPolicies(createMemoryVersionedStore<PolicyRecord>())
  const { policy } = await policies.put(ada, 'a', params)
  await policies.put(ada, 'b', params)
  const key = policies.keyOf('ada', policy)
  expect(await policies.findByKey(key)).toBeDefined()
  await policies.removeAll('ada')
  expect(await policies.findByKey(key)).toBeUndefined()
  expect(await policies.list(ada)).toEqual([])
})

test.each([
  {},
  { sub: 'ada' },
  { sub: 'ada', policies: {} },
  { sub: 'ada', policies: [null] },
  { sub: 'ada', policies: [{ ...params, name: 'a', handle: 'h', claims: { repository: 7 } }] },
  { sub: 'ada', policies: [{ ...params, name: 'a' }] },
])('isPolicyRecord() rejects %j', (record) => {
  expect(isPolicyRecord(record)).toBe(false)
})
