import { expect, test } from '@jest/globals'
import { createHash, randomBytes } from 'node:crypto'
import type { Reservation } from '../../../functions/drive/upload/buffer-pool.ts'
import { createSendBuffer } from '../../../functions/drive/upload/send-buffer.ts'

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const noop = (): void => {}

/** A source that yields on command, and counts the bytes that were read from it. */
function createSource(): {
  source: AsyncGenerator<Buffer, void, undefined>
  send(...pieces: Buffer[]): Promise<void>
  end(): Promise<void>
  fail(error: Error): Promise<void>
  bytesRead: number
  isClosed: boolean
} {
  const queue: (Buffer | Error | null)[] = []
  let wake = noop
  const enqueue = async (...items: (Buffer | Error | null)[]): Promise<void> => {
    queue.push(...items)
    wake()
    await nextTurn()
  }
  async function* source(): AsyncGenerator<Buffer, void, undefined> {
    try {
      for (;;) {
        while (queue.length === 0) await new Promise<void>((resolve) => (wake = resolve))
        const next = queue.shift()
        if (next === null || next === undefined) return
        if (next instanceof Error) throw next
        controlled.bytesRead += next.length
        yield next
      }
    } finally {
      controlled.isClosed = true
    }
  }
  const controlled = {
    bytesRead: 0,
    isClosed: false,
    source: source(),
    send: (...pieces: Buffer[]) => enqueue(...pieces),
    end: () => enqueue(null),
    fail: (error: Error) => enqueue(error),
  }
  return controlled
}

/** A reservation of `max` blocks of `size` bytes; `held` counts the acquired ones. */
function createBlocks(
  size: number,
  max: number,
): Pick<Reservation, 'acquire' | 'release'> & { held: number } {
  const blocks = {
    held: 0,
    acquire: () => (blocks.held < max ? (blocks.held++, Buffer.alloc(size, '?')) : undefined),
    release: (block: Buffer) => {
      blocks.held--
      block.fill('!') // shows a read after the release
    },
  }
  return blocks
}

const bytesOf = (pieces: Buffer[]): string => Buffer.concat(pieces).toString('latin1')

test('slice() returns bytes from any offset until they are acknowledged', async () => {
  const { source, send, end } = createSource()
  const buffer = createSendBuffer(source, createBlocks(4, 100), noop)
  await send(Buffer.from('0123'), Buffer.from('456789'), Buffer.from('abc'))
  await end()
  await buffer.waitFor(13)
  expect([buffer.start, buffer.end, buffer.isComplete]).toEqual([0, 13, true])
  expect(bytesOf(buffer.slice(0, 8))).toBe('01234567')
  expect(bytesOf(buffer.slice(0, 8))).toBe('01234567')
  buffer.acknowledge(5)
  expect([buffer.start, bytesOf(buffer.slice(5, 11))]).toEqual([5, '56789a'])
  buffer.acknowledge(5)
  expect(bytesOf(buffer.slice(7, 9))).toBe('78')
  buffer.acknowledge(13)
  expect([buffer.start, buffer.slice(13, 13)]).toEqual([13, []])
})

test('the buffer returns the bytes of the source for any sizes of pieces, acknowledged at any offset', async () => {
  const content = randomBytes(300_000)
  for (const sizes of [[1, 20_000, 3], [16_383, 16_384, 16_385], [65_536], [7, 70_000]]) {
    async function* source(): AsyncGenerator<Buffer, void, undefined> {
      await nextTurn()
      for (let at = 0, index = 0; at < content.length; index++) {
        const size = sizes[index % sizes.length] as number
        yield size < 16_384
          ? Buffer.from(content.subarray(at, at + size))
          : content.subarray(at, at + size)
        at += size
      }
    }
    const hash = createHash('sha256')
    const buffer = createSendBuffer(
      source(),
      createBlocks(7_001, 8),
      (piece) => void hash.update(piece),
    )
    const output: Buffer[] = []
    while (!buffer.isComplete || buffer.start < buffer.end) {
      await buffer.waitFor(buffer.start + 40_001)
      const to = Math.min(buffer.end, buffer.start + 39_999)
      output.push(Buffer.concat(buffer.slice(buffer.start, to)))
      buffer.acknowledge(to)
    }
    expect(Buffer.concat(output).equals(content)).toBe(true)
    expect(hash.digest('hex')).toBe(createHash('sha256').update(content).digest('hex'))
  }
})

test('the buffer stops reading when it is full, and continues after an acknowledgement', async () => {
  const controlled = createSource()
  const blocks = createBlocks(30, 4)
  const buffer = createSendBuffer(controlled.source, blocks, noop)
  await controlled.send(...Array.from({ length: 50 }, () => Buffer.alloc(30)))
  expect([controlled.bytesRead, buffer.end, blocks.held]).toEqual([120, 120, 4])
  buffer.acknowledge(29)
  await nextTurn()
  expect(controlled.bytesRead).toBe(120) // a block with one byte left is not free
  buffer.acknowledge(60)
  await nextTurn()
  expect([controlled.bytesRead, blocks.held]).toEqual([180, 4])
})

test('waitFor() resolves early when the buffer is full', async () => {
  const controlled = createSource()
  const buffer = createSendBuffer(controlled.source, createBlocks(10, 2), noop)
  let hasResolved = false
  const waiting = buffer.waitFor(30).then(() => (hasResolved = true))
  await controlled.send(Buffer.alloc(15))
  expect(hasResolved).toBe(false)
  await controlled.send(Buffer.alloc(15))
  await waiting
  expect([buffer.end, buffer.isComplete]).toEqual([20, false])
  buffer.acknowledge(10)
  await buffer.waitFor(30)
  expect(buffer.end).toBe(30)
})

test('the buffer reads batches of pieces of any size', async () => {
  const batches = [
    [Buffer.from('one '), Buffer.alloc(0), Buffer.from('two ')],
    [],
    [Buffer.from('three')],
  ]
  async function* source(): AsyncGenerator<Buffer[], void, undefined> {
    await nextTurn()
    yield* batches
  }
  const buffer = createSendBuffer(source(), createBlocks(3, 100), noop)
  await buffer.waitFor(100)
  expect([bytesOf(buffer.slice(0, 13)), buffer.isComplete]).toEqual(['one two three', true])
})

test('the buffer copies pieces of one byte into full blocks', async () => {
  const count = 100_000
  async function* source(): AsyncGenerator<Buffer, void, undefined> {
    await nextTurn()
    const byte = Buffer.from('x')
    for (let sent = 0; sent < count; sent++) yield byte
  }
  const blocks = createBlocks(8_192, 100)
  const buffer = createSendBuffer(source(), blocks, noop)
  await buffer.waitFor(count)
  expect([blocks.held, buffer.slice(0, count).length]).toEqual([13, 13])
  expect(bytesOf(buffer.slice(0, count))).toBe('x'.repeat(count))
})

test('waitFor() rejects with the source’s error, and failed aborts with it immediately', async () => {
  const controlled = createSource()
  const buffer = createSendBuffer(controlled.source, createBlocks(50, 2), noop)
  const waiting = buffer.waitFor(50).catch((error: unknown) => error)
  await controlled.send(Buffer.alloc(10))
  const sourceError = new Error('malformed form')
  await controlled.fail(sourceError)
  expect(await waiting).toBe(sourceError)
  await expect(buffer.waitFor(11)).rejects.toBe(sourceError)
  await expect(buffer.waitFor(10)).resolves.toBeUndefined() // these bytes have arrived
  expect(buffer.isComplete).toBe(false)
  expect(buffer.failed.reason).toBe(sourceError)
})

test('close() stops reading, and closes the source, whether the buffer is full or not', async () => {
  for (const sizes of [[10], [60, 60]]) {
    const controlled = createSource()
    const blocks = createBlocks(50, 2)
    const buffer = createSendBuffer(controlled.source, blocks, noop)
    await controlled.send(...sizes.map((size) => Buffer.alloc(size)))
    buffer.close()
    await controlled.send(Buffer.alloc(5), Buffer.alloc(5))
    buffer.close()
    expect([controlled.isClosed, buffer.slice(0, 1000), blocks.held]).toEqual([true, [], 0])
  }
})

test('an empty source completes the buffer at offset 0', async () => {
  const controlled = createSource()
  const buffer = createSendBuffer(controlled.source, createBlocks(50, 2), noop)
  await controlled.end()
  await buffer.waitFor(1)
  expect([buffer.end, buffer.isComplete]).toEqual([0, true])
})
