import { expect, test } from '@jest/globals'
import { createHash, randomBytes } from 'node:crypto'
import { createWindow } from '../../functions/drive/window.ts'

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

const bytesOf = (pieces: Buffer[]): string => Buffer.concat(pieces).toString('latin1')

test('what was sent can be sent again until it is released, from any offset (cases 75, 76)', async () => {
  const { source, give, end } = createSource()
  const window = createWindow(source, 100, nothing)
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
    const window = createWindow(source(), 50_000, (piece) => void hash.update(piece))
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

test('it never reads ahead of its capacity, and goes on once there is room (backpressure)', async () => {
  const it = createSource()
  const window = createWindow(it.source, 100, nothing)
  await it.give(...Array.from({ length: 50 }, () => Buffer.alloc(30)))
  expect(it.taken).toBe(120) // the piece that fills it may be too long; no other is asked for
  window.release(10)
  await turn()
  expect(it.taken).toBe(120)
  window.release(60)
  await turn()
  expect(it.taken).toBe(180)
})

test('a million pieces of one byte cost little more than their million bytes', async () => {
  const count = 1_000_000
  async function* source(): AsyncGenerator<Buffer, void, undefined> {
    await turn()
    const one = Buffer.from('x')
    for (let sent = 0; sent < count; sent++) yield one
  }
  const window = createWindow(source(), 2 * count, nothing)
  await window.filled(count)
  const pieces = window.slice(0, count)
  const held = new Set(pieces.map((piece) => piece.buffer))
  const memory = [...held].reduce((sum, { byteLength }) => sum + byteLength, 0)
  expect(pieces.length).toBeLessThanOrEqual(count / 65_536 + 1)
  expect(memory).toBeLessThan(count + 2 * 65_536)
  expect(bytesOf(pieces)).toBe('x'.repeat(count))
}, 30_000)

test('what the source throws is thrown to who waits, and told at once to who does not', async () => {
  const it = createSource()
  const window = createWindow(it.source, 100, nothing)
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
    const window = createWindow(it.source, 100, nothing)
    await it.give(...sizes.map((size) => Buffer.alloc(size)))
    window.close()
    await it.give(Buffer.alloc(5), Buffer.alloc(5))
    expect([it.closed, window.slice(0, 1000)]).toEqual([true, []])
  }
})

test('an empty source ends at 0', async () => {
  const it = createSource()
  const window = createWindow(it.source, 100, nothing)
  await it.end()
  await window.filled(1)
  expect([window.end, window.ended]).toEqual([0, true])
})
