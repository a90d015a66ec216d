/**
 * Buffer pool shared by all uploads of the instance, in blocks of 256 KiB, with fair-share admission
 * control.
 *
 * An upload is admitted when three blocks are free. Two blocks are guaranteed to it until it ends;
 * the third accounts for its other memory: sockets, and what Node holds for them. An upload that
 * declares a smaller length needs that length and 64 KiB to 256 KiB of other memory. While its memory
 * is not free, the upload waits in order of arrival; after the maximum wait it is refused. Beyond its
 * guaranteed blocks an upload acquires one block at a time, while it holds less than an equal share of
 * the shareable blocks and an eighth of those stays free for new uploads. A single upload may use the
 * whole pool; many uploads share little more than half of it, as each also costs memory elsewhere. An
 * upload releases a block as soon as Drive has stored its content, and acquires no other one while it
 * holds more than its share: shares shrink as uploads start, and grow as they end.
 */
import { GatewayError } from '../../errors.ts'
import { chunkUnit } from '../client/protocol.ts'
import { createAdmissionQueue } from './admission-queue.ts'

/** Equal to Drive's unit: every chunk but the last is a whole number of blocks. */
export const blockBytes = chunkUnit

/** One block to send while the other one is filled. */
const guaranteedBlocks = 2
/** Never allocated: accounts for the other memory of an upload. A small upload needs less. */
const overheadBytes = blockBytes
const smallOverheadBytes = blockBytes / 4
/** The block of a small upload is a multiple of this. */
const smallUnit = 4 * 1024

export interface BufferPool {
  /** @param bytes total size of the upload, when it is known: a small one needs less memory */
  reserve(bytes?: number): Reservation
}

/** The blocks of one upload. */
export interface Reservation {
  /** Bytes that the upload can use; it acquires no more. */
  demand: number
  /** Bytes that the upload may hold now. */
  readonly quota: number
  /**
   * Waits until the pool has memory for the upload, and reserves it; does nothing once it is reserved.
   * Nothing may be acquired before.
   *
   * @throws {GatewayError} `over_capacity` when the pool stays full
   * @throws the signal's reason
   */
  admit(signal?: AbortSignal): Promise<void>
  /**
   * Waits until the pool has memory for the upload, without reserving it: before a client that waits for
   * 100 Continue gets it.
   *
   * @throws {GatewayError} `over_capacity`
   */
  waitForCapacity(signal: AbortSignal): Promise<void>
  /** @returns a block with arbitrary content; `undefined` when the quota is used up */
  acquire(): Buffer | undefined
  /** Returns a block to the pool. The block must no longer be read or sent. */
  release(block: Buffer): void
  /**
   * Returns the reserved memory; does nothing if none is reserved. Every block must be released before,
   * and none acquired until it is admitted again.
   */
  close(): void
}

export interface BufferPoolOptions {
  /** Maximum milliseconds that an upload waits for memory. */
  maxWaitMs?: number | undefined
}

/** @param bytes total size of all blocks */
export function createBufferPool(
  bytes: number,
  { maxWaitMs = 2_000 }: BufferPoolOptions = {},
): BufferPool {
  const totalBlocks = Math.max(guaranteedBlocks + 1, Math.floor(bytes / blockBytes))
  const total = totalBlocks * blockBytes
  const freeBlocks: Buffer[] = []
  let reservations = 0
  /** Bytes that are reserved by uploads, or acquired beyond those. */
  let committed = 0
  /** Blocks that all uploads together may hold. */
  const shareable = (): number => (totalBlocks >> 1) + Math.ceil((totalBlocks >> 1) / reservations)
  const queue = createAdmissionQueue({
    maxWaitMs,
    // Bytes that arrive during the wait are held by the sockets.
    maxBytes: total / 4,
    refuse: () =>
      new GatewayError('over_capacity', `${reservations} uploads use the whole buffer pool`, {
        retryAfterSeconds: 1 + Math.floor(Math.random() * 5), // spreads the retries
      }),
  })

  return {
    reserve(totalBytes = Infinity) {
      const smallBytes = smallUnit * (Math.floor(totalBytes / smallUnit) + 1)
      const isSmall = smallBytes <= blockBytes
      const guaranteed = isSmall ? 1 : guaranteedBlocks
      const firstBytes = isSmall ? smallBytes : blockBytes
      const guaranteedBytes = guaranteed * firstBytes
      const needed =
        guaranteedBytes +
        (isSmall ? Math.min(overheadBytes, smallOverheadBytes + smallBytes) : overheadBytes)
      let isAdmitted = false
      let acquired = 0
      const quotaBlocks = (): number => {
        const fairShare = Math.floor(shareable() / reservations)
        return Math.max(guaranteed, Math.min(fairShare, Math.ceil(reservation.demand / blockBytes)))
      }
      const tryAdmit = (): boolean => {
        if (committed + needed > total) return false
        isAdmitted = true
        committed += needed
        reservations++
        return true
      }

      const reservation: Reservation = {
        demand: Infinity,
        get quota() {
          return quotaBlocks() * blockBytes
        },
        async admit(signal) {
          if (!isAdmitted)
            await queue.enter({ bytes: Math.min(needed, blockBytes), tryAdmit, signal })
        },
        async waitForCapacity(signal) {
          await reservation.admit(signal)
          reservation.close()
        },
        acquire() {
          if (acquired >= guaranteed) {
            const isExhausted = committed >= (shareable() - (shareable() >> 3)) * blockBytes
            if (acquired >= quotaBlocks() || isExhausted) return undefined
            committed += blockBytes
          }
          acquired++
          // A small block is young garbage when its upload ends, which is nearly free.
          if (acquired === 1 && firstBytes < blockBytes) return Buffer.allocUnsafeSlow(firstBytes)
          return freeBlocks.pop() ?? allocateBlock()
        },
        release(block) {
          if (block.length === blockBytes) freeBlocks.push(block)
          if (acquired > guaranteed) {
            committed -= blockBytes
            queue.advance()
          }
          acquired--
        },
        close() {
          if (!isAdmitted) return
          isAdmitted = false
          committed -= needed
          reservations--
          queue.advance()
        },
      }
      return reservation
    },
  }
}

/**
 * Allocates a block, which is reused as long as the process lives. It is shared memory, though no
 * other thread uses it, because V8 does not count that as collectable: with tens of mebibytes of
 * blocks in the count, the garbage collector scans the whole heap again and again, for a third of
 * all CPU time.
 */
function allocateBlock(): Buffer {
  return Buffer.from(new SharedArrayBuffer(blockBytes))
}
