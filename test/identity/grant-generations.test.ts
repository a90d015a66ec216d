import { expect, test } from '@jest/globals'
import { createGrantGenerations } from '../../functions/identity/grant-generations.ts'
import type { GrantGenerations } from '../../functions/identity/grant-generations.ts'

const minute = 60_000

function setUp(): {
  generations: GrantGenerations
  stored: Map<string, string>
  reads: string[]
  clock: { now: number }
} {
  const stored = new Map<string, string>()
  const reads: string[] = []
  const clock = { now: 1_000_000 }
  const generations = createGrantGenerations(
    (sub) => {
      reads.push(sub)
      return Promise.resolve(stored.get(sub))
    },
    () => clock.now,
  )
  return { generations, stored, reads, clock }
}

test('compare() reads the grant once a minute while its generation matches', async () => {
  const { generations, stored, reads, clock } = setUp()
  stored.set('a', 'first')
  const bound = { sub: 'a', generation: 'first' }
  for (let elapsed = 0; elapsed < minute; elapsed += 1_000) {
    expect(await generations.compare(bound)).toBe('current')
    clock.now += 1_000
  }
  expect(reads).toHaveLength(1)
  stored.delete('a')
  expect(await generations.compare(bound)).toBe('missing')
  stored.set('a', 'second')
  expect(await generations.compare(bound)).toBe('replaced')
})

test('compare() reads the grant at once for another generation than the cached one', async () => {
  const { generations, stored } = setUp()
  stored.set('a', 'first')
  await generations.compare({ sub: 'a', generation: 'first' })
  stored.set('a', 'second')
  expect(await generations.compare({ sub: 'a', generation: 'second' })).toBe('current')
  expect(await generations.compare({ sub: 'a', generation: 'first' })).toBe('replaced')
})

test('compare() with `fresh` and forget() bypass the cache', async () => {
  const { generations, stored } = setUp()
  const bound = { sub: 'a', generation: 'first' }
  for (const bypass of [
    () => generations.compare(bound, true),
    () => {
      generations.forget('a')
      return generations.compare(bound)
    },
  ]) {
    stored.set('a', 'first')
    expect(await generations.compare(bound)).toBe('current')
    stored.delete('a')
    expect(await generations.compare(bound)).toBe('current')
    expect(await bypass()).toBe('missing')
  }
})
