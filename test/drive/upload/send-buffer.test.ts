import { expect, test } from '@jest/globals'
import { createHash, randomBytes } from 'node:crypto'
import type { Room } from '../../../functions/drive/upload/buffer-pool.ts'
import { createWindow } from '../../../functions/drive/upload/send-buffer.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const nothing = (): void => {}

/** A source whose pieces are given by hand, and which remembers how far it was read. */
function createSource(): {
  source: AsyncGenerator<Buffer, void, undefined>
  give(...pieces: Buffer[]): Promise<void>
  end(): Promise<void>
  fail(error: Error): Promise<void>
  taken: number
  closed: boolean
} {
  const waiting: (Buffer | Error | null)[] = []
  let wake = nothing
  const put = async (...things: (Buffer | Error | null)[]): Promise<void> => {
    waiting.push(...things)
    wake()
    await turn()
  }
  async function* source(): AsyncGenerator<Buffer, void, undefined> {
    try {
      for (;;) {
        while (waiting.length === 0) await new Promise<void>((resolve) => (wake = resolve))
        const next = waiting.shift()
        if (next === null || next === undefined) return
        if (next instanceof Error) throw next
        it.taken += next.length
        yield next
      }
    } finally {
      it.closed = true
    }
  }
  const it = {
    taken: 0,
    closed: false,
    source: source(),
    give: (...pieces: Buffer[]) => put(...pieces),
    end: () => put(null),
    fail: (error: Error) => put(error),
  }
  return it
}

/** Blocks of a few bytes, at most so many; `held` is what is out. */
function createBlocks(size: number, most: number): Pick<Room, 'take' | 'give'> & { held: number } {
  const blocks = {
    held: 0,
    take: () => (blocks.held < most ? (blocks.held++, Buffer.alloc(size, '?')) : undefined),
    give: (block: Buffer) => {
      blocks.held--
      block.fill('!') // whoever still reads it reads nonsense
    },
  }
  return blocks
}

const bytesOf = (pieces: Buffer[]): string => Buffer.concat(pieces).toString('latin1')

test('what was sent can be sent again until it is released, from any offset (cases 75, 76)', async () => {
  const { source, give, end } = createSource()
  const window = createWindow(source, createBlocks(4, 100), nothing)
  await give(Buffer.from('0123'), Buffer.from('456789'), Buffer.from('abc'))
  await end()
  await window.filled(13)
  expect([window.start, window.end, window.ended]).toEqual([0, 13, true])
  expect(bytesOf(window.slice(0, 8))).toBe('01234567')
  expect(bytesOf(window.slice(0, 8))).toBe('01234567')
  window.release(5)
  expect([window.start, bytesOf(window.slice(5, 11))]).toEqual([5, '56789a'])
  window.release(5)
  expect(bytesOf(window.slice(7, 9))).toBe('78')
  window.release(13)
  expect([window.start, window.slice(13, 13)]).toEqual([13, []])
})

test('every cut of every stream comes out as it went in, released at any offset', async () => {
  const whole = randomBytes(300_000)
  for (const sizes of [[1, 20_000, 3], [16_383, 16_384, 16_385], [65_536], [7, 70_000]]) {
    async function* source(): AsyncGenerator<Buffer, void, undefined> {
      await turn()
      for (let at = 0, turnOf = 0; at < whole.length; turnOf++) {
        const size = sizes[turnOf % sizes.length] as number
        yield size < 16_384
          ? Buffer.from(whole.subarray(at, at + size))
          : whole.subarray(at, at + size)
        at += size
      }
    }
    const hash = createHash('sha256')
    const window = createWindow(
      source(),
      createBlocks(7_001, 8),
      (piece) => void hash.update(piece),
    )
    const out: Buffer[] = []
    while (!window.ended || window.start < window.end) {
      await window.filled(window.start + 40_001)
      const to = Math.min(window.end, window.start + 39_999)
      out.push(Buffer.concat(window.slice(window.start, to)))
      window.release(to)
    }
    expect(Buffer.concat(out).equals(whole)).toBe(true)
    expect(hash.digest('hex')).toBe(createHash('sha256').update(whole).digest('hex'))
  }
})

test('it never reads ahead of its room, and goes on once there is some (backpressure)', async () => {
  const it = createSource()
  const blocks = createBlocks(30, 4)
  const window = createWindow(it.source, blocks, nothing)
  await it.give(...Array.from({ length: 50 }, () => Buffer.alloc(30)))
  expect([it.taken, window.end, blocks.held]).toEqual([120, 120, 4])
  window.release(29)
  await turn()
  expect(it.taken).toBe(120) // a block with one byte left is not free
  window.release(60)
  await turn()
  expect([it.taken, blocks.held]).toEqual([180, 4])
})

test('who waits for bytes for which there is no room is told, and gets what there is', async () => {
  const it = createSource()
  const window = createWindow(it.source, createBlocks(10, 2), nothing)
  let waited = false
  const filled = window.filled(30).then(() => (waited = true))
  await it.give(Buffer.alloc(15))
  expect(waited).toBe(false)
  await it.give(Buffer.alloc(15))
  await filled
  expect([window.end, window.ended]).toEqual([20, false])
  window.release(10)
  await window.filled(30)
  expect(window.end).toBe(30)
})

test('pieces that come together are taken together, whatever their sizes', async () => {
  const batches = [
    [Buffer.from('one '), Buffer.alloc(0), Buffer.from('two ')],
    [],
    [Buffer.from('three')],
  ]
  async function* source(): AsyncGenerator<Buffer[], void, undefined> {
    await turn()
    yield* batches
  }
  const window = createWindow(source(), createBlocks(3, 100), nothing)
  await window.filled(100)
  expect([bytesOf(window.slice(0, 13)), window.ended]).toEqual(['one two three', true])
})

test('pieces of one byte cost no more than their bytes', async () => {
  const count = 100_000
  async function* source(): AsyncGenerator<Buffer, void, undefined> {
    await turn()
    const one = Buffer.from('x')
    for (let sent = 0; sent < count; sent++) yield one
  }
  const blocks = createBlocks(8_192, 100)
  const window = createWindow(source(), blocks, nothing)
  await window.filled(count)
  expect([blocks.held, window.slice(0, count).length]).toEqual([13, 13])
  expect(bytesOf(window.slice(0, count))).toBe('x'.repeat(count))
})

test('what the source throws is thrown to who waits, and told at once to who does not', async () => {
  const it = createSource()
  const window = createWindow(it.source, createBlocks(50, 2), nothing)
  const waiting = window.filled(50).catch((error: unknown) => error)
  await it.give(Buffer.alloc(10))
  const broken = new Error('the form broke')
  await it.fail(broken)
  expect(await waiting).toBe(broken)
  await expect(window.filled(11)).rejects.toBe(broken)
  await expect(window.filled(10)).resolves.toBeUndefined() // these bytes did come
  expect(window.ended).toBe(false)
  expect(window.failed.reason).toBe(broken)
})

test('a closed window reads no more and lets its source go, full or not', async () => {
  for (const sizes of [[10], [60, 60]]) {
    const it = createSource()
    const blocks = createBlocks(50, 2)
    const window = createWindow(it.source, blocks, nothing)
    await it.give(...sizes.map((size) => Buffer.alloc(size)))
    window.close()
    await it.give(Buffer.alloc(5), Buffer.alloc(5))
    window.close()
    expect([it.closed, window.slice(0, 1000), blocks.held]).toEqual([true, [], 0])
  }
})

test('an empty source ends at 0', async () => {
  const it = createSource()
  const window = createWindow(it.source, createBlocks(50, 2), nothing)
  await it.end()
  await window.filled(1)
  expect([window.end, window.ended]).toEqual([0, true])
})
