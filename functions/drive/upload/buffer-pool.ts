/**
 * Buffer pool shared by all uploads of the instance, in blocks of 256 KiB, with fair-share admission
 * control.
 *
 * An upload is admitted when three blocks are free. Two blocks are guaranteed to it until it ends;
 * the third accounts for its other memory: sockets, and what Node holds for them. When they are not
 * free, the upload is refused before its body is read. Beyond its guaranteed blocks an upload
 * acquires one block at a time, while it holds less than an equal share of the shareable blocks and
 * an eighth of those stays free for new uploads. A single upload may use the whole pool; many uploads
 * share little more than half of it, as each also costs memory elsewhere. An upload releases a block
 * as soon as Drive has stored its content, and acquires no other one while it holds more than its
 * share: shares shrink as uploads start, and grow as they end.
 */
import { GatewayError } from '../../errors.ts'
import { chunkUnit } from '../client/protocol.ts'

/** Equal to Drive's unit: every chunk but the last is a whole number of blocks. */
export const blockBytes = chunkUnit

/** One block to send while the other one is filled. */
const guaranteedBlocks = 2
/** Never allocated: accounts for the other memory of an upload. */
const overheadBlocks = 1

export interface BufferPool {
  /**
   * Admits an upload.
   *
   * @param bytes total size of the upload, when it is known: a small one needs fewer blocks
   * @throws {GatewayError} `over_capacity` when the pool is full
   */
  reserve(bytes?: number): Reservation
}

/** The blocks of one upload. */
export interface Reservation {
  /** Bytes that the upload can use; it acquires no more. */
  demand: number
  /** Bytes that the upload may hold now. */
  readonly quota: number
  /** @returns a block with arbitrary content; `undefined` when the quota is used up */
  acquire(): Buffer | undefined
  /** Returns a block to the pool. The block must no longer be read or sent. */
  release(block: Buffer): void
  /** Ends the reservation. Every block must be released before, and none acquired afterwards. */
  close(): void
}

/** @param bytes total size of all blocks */
export function createBufferPool(bytes: number): BufferPool {
  const total = Math.max(guaranteedBlocks + overheadBlocks, Math.floor(bytes / blockBytes))
  const freeBlocks: Buffer[] = []
  let reservations = 0
  /** Blocks that are guaranteed to uploads, or acquired beyond those. */
  let committed = 0
  /** Blocks that all uploads together may hold. */
  const shareable = (): number => (total >> 1) + Math.ceil((total >> 1) / reservations)

  return {
    reserve(totalBytes = Infinity) {
      const guaranteed = Math.min(guaranteedBlocks, Math.floor(totalBytes / blockBytes) + 1)
      if (committed + guaranteed + overheadBlocks > total) {
        throw new GatewayError(
          'over_capacity',
          `${reservations} uploads use the whole buffer pool`,
          {
            retryAfterSeconds: 1 + Math.floor(Math.random() * 5), // spreads the retries
          },
        )
      }
      committed += guaranteed + overheadBlocks
      reservations++
      let acquired = 0
      const quotaBlocks = (): number => {
        const fairShare = Math.floor(shareable() / reservations)
        return Math.max(guaranteed, Math.min(fairShare, Math.ceil(reservation.demand / blockBytes)))
      }

      const reservation: Reservation = {
        demand: Infinity,
        get quota() {
          return quotaBlocks() * blockBytes
        },
        acquire() {
          if (acquired >= guaranteed) {
            const isExhausted = committed >= shareable() - (shareable() >> 3)
            if (acquired >= quotaBlocks() || isExhausted) return undefined
            committed++
          }
          acquired++
          return freeBlocks.pop() ?? allocateBlock()
        },
        release(block) {
          freeBlocks.push(block)
          if (acquired > guaranteed) committed--
          acquired--
        },
        close() {
          committed -= guaranteed + overheadBlocks
          reservations--
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
