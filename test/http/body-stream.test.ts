import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { PassThrough } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { readBodyBatches } from '../../functions/http/body-stream.ts'

const idleTimeoutMs = 30_000

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] })
})

afterEach(() => {
  jest.useRealTimers()
})

interface Reading {
  /** Sends bytes, and waits until they are read. */
  send(bytes: number): Promise<void>
  /** The code of the error that ended the reading, if one did. */
  code(): string | undefined
}

/** Reads a body, as fast as it arrives. */
function startReading(): Reading {
  const source = new PassThrough()
  const req = Object.assign(source, { headers: {}, httpVersion: '1.0', complete: false })
  const res = Object.assign(new EventEmitter(), { headersSent: false })
  let code: string | undefined
  const read = async (): Promise<void> => {
    const batches = readBodyBatches(
      req as unknown as IncomingMessage,
      res as unknown as ServerResponse,
      idleTimeoutMs,
    )
    for await (const batch of batches) void batch
  }
  read().catch((error: { code: string }) => {
    code = error.code
  })
  return {
    code: () => code,
    async send(bytes) {
      source.write(Buffer.alloc(bytes))
      await turns()
    },
  }
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await nextTurn()
}

async function advance(ms: number): Promise<void> {
  jest.advanceTimersByTime(ms)
  await turns()
}

describe('readBodyBatches() throws too_slow', () => {
  test('when the idle timeout has passed without a byte, and not before', async () => {
    const reading = startReading()
    await advance(idleTimeoutMs - 1)
    expect(reading.code()).toBeUndefined()
    await advance(1)
    expect(reading.code()).toBe('too_slow')
  })

  test('at most the idle timeout after the last byte', async () => {
    const reading = startReading()
    await advance(2_500)
    await reading.send(2 * idleTimeoutMs)
    await advance(idleTimeoutMs - 1)
    expect(reading.code()).toBeUndefined()
    await advance(1)
    expect(reading.code()).toBe('too_slow')
  })

  test('when fewer bytes than the minimum rate arrive within the idle timeout', async () => {
    const reading = startReading()
    for (let second = 0; second < 29; second++) {
      await advance(1_000)
      await reading.send(1_000)
    }
    expect(reading.code()).toBeUndefined()
    await advance(1_000)
    expect(reading.code()).toBe('too_slow')
  })
})

test('readBodyBatches() goes on while the client sends at the minimum rate', async () => {
  const reading = startReading()
  for (let second = 0; second < 300; second++) {
    await advance(1_000)
    await reading.send(1_100)
  }
  expect(reading.code()).toBeUndefined()
})
