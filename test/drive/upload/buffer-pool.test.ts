import { expect, test } from '@jest/globals'
import { blockBytes, createBudget } from '../../../functions/drive/upload/buffer-pool.ts'
import type { Room } from '../../../functions/drive/upload/buffer-pool.ts'

/** Takes as many blocks as there are to be had. */
function fill(room: Room): Buffer[] {
  const blocks: Buffer[] = []
  for (let block = room.take(); block; block = room.take()) blocks.push(block)
  return blocks
}

const enterAll = (budget: ReturnType<typeof createBudget>): Room[] => {
  const rooms: Room[] = []
  try {
    for (;;) rooms.push(budget.enter())
  } catch (error) {
    expect(error).toMatchObject({ code: 'over_capacity', status: 503, retryable: true })
    expect((error as { retryAfterSeconds: number }).retryAfterSeconds).toBeGreaterThan(0)
    return rooms
  }
}

test('two blocks for everybody who is let in, and 503 for who is not (case 94)', () => {
  const budget = createBudget(100 * blockBytes)
  const rooms = enterAll(budget)
  expect(rooms.length).toBe(33)
  expect(rooms.map((room) => fill(room).length)).toEqual(Array.from({ length: 33 }, () => 2))
})

test('one alone may have nearly all of it; whoever comes then is let in at once', () => {
  const budget = createBudget(100 * blockBytes)
  const first = budget.enter()
  const blocks = fill(first)
  expect(blocks.length).toBe(87)
  const others = enterAll(budget)
  expect(others.length).toBe(4)
  expect(others.every((room) => fill(room).length === 2)).toBe(true)
  // It is held to its share from now on: what it gives back, it does not get again.
  for (const block of blocks.splice(0, 85)) first.give(block)
  expect(first.allowed).toBe(Math.floor(60 / 5) * blockBytes)
  expect(fill(first).length).toBe(Math.floor(60 / 5) - 2)
})

test('shares are equal, and grow as others leave', () => {
  const budget = createBudget(100 * blockBytes)
  const [one, two] = [budget.enter(), budget.enter()]
  expect([one.allowed, two.allowed]).toEqual([37 * blockBytes, 37 * blockBytes])
  for (const block of fill(two)) two.give(block)
  two.leave()
  expect(one.allowed).toBe(100 * blockBytes)
  one.wanted = 7 * blockBytes
  expect([one.allowed, fill(one).length]).toEqual([7 * blockBytes, 7])
})

test('a body that is known to be small needs one block, and never more than one', () => {
  const budget = createBudget(16 * blockBytes)
  const small = Array.from({ length: 8 }, () => budget.enter(blockBytes - 1))
  expect(small.map((room) => fill(room).length)).toEqual([1, 1, 1, 1, 1, 1, 1, 1])
  expect(() => budget.enter(1)).toThrow(expect.objectContaining({ code: 'over_capacity' }))
  small[0]?.leave()
  expect(() => budget.enter(blockBytes)).toThrow(expect.objectContaining({ code: 'over_capacity' }))
})

test('blocks are used again, and all places are free once everybody has left', () => {
  const budget = createBudget(100 * blockBytes)
  const seen = new Set<Buffer>()
  const whoStays = budget.enter(1)
  for (let round = 0; round < 20; round++) {
    for (const room of enterAll(budget)) {
      const blocks = fill(room)
      for (const block of blocks) seen.add(block)
      for (const block of blocks) room.give(block)
      room.leave()
    }
  }
  expect(seen.size).toBeLessThanOrEqual(100)
  whoStays.leave()
  expect(enterAll(budget).length).toBe(33)
})
