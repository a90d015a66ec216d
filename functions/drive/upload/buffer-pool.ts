/**
 * The memory that this instance has for bytes on their way, as blocks of 256 KiB, shared by all
 * uploads.
 *
 * The rule: an upload is let in when three blocks are free. Two are its own until it ends, the third
 * stands for what else it costs: its sockets, and what Node holds of them. When they are not free, it
 * is refused before its body is read. Beyond its own it takes a block at a time, while it holds less
 * than an equal share of what is lent and an eighth of that stays free for whoever comes next. All is
 * lent to one upload, hardly more than half of it to many, as each costs memory elsewhere too. It
 * gives a block back as soon as Drive has what is in it, and takes no other while it holds more than
 * its share: so shares shrink as uploads come, and grow as they leave.
 */
import { GatewayError } from '../../errors.ts'

/** As many as Drive's unit: every chunk but the last is a whole number of blocks. */
export const blockBytes = 256 * 1024

/** One to send and one to fill meanwhile. */
const ownBlocks = 2
/** Never taken: for all that an upload holds elsewhere. */
const otherBlocks = 1

export interface Budget {
  /**
   * Lets an upload in.
   *
   * @param bytes that it has in all, where that is known: a small one needs less
   * @throws {GatewayError} `over_capacity` when there is no room for another one
   */
  enter(bytes?: number): Room
}

/** What one upload may hold. */
export interface Room {
  /** Bytes that it has use for; it is given no more. */
  wanted: number
  /** Bytes that it may hold now. */
  readonly allowed: number
  /** Another block; none where it may not have more. What is in it is anybody's. */
  take(): Buffer | undefined
  /** Gives a block back that nobody reads or sends any more. */
  give(block: Buffer): void
  /** Every block is given back, and none is taken again. */
  leave(): void
}

/** @param bytes for all blocks together */
export function createBudget(bytes: number): Budget {
  const total = Math.max(ownBlocks + otherBlocks, Math.floor(bytes / blockBytes))
  const spare: Buffer[] = []
  let rooms = 0
  /** Blocks that are set aside for somebody, or held beyond those. */
  let spoken = 0
  /** Blocks that all who are here may hold together. */
  const lent = (): number => (total >> 1) + Math.ceil((total >> 1) / rooms)

  return {
    enter(bytesInAll = Infinity) {
      const own = Math.min(ownBlocks, Math.floor(bytesInAll / blockBytes) + 1)
      if (spoken + own + otherBlocks > total) {
        throw new GatewayError('over_capacity', `${rooms} uploads hold all of the memory`, {
          retryAfterSeconds: 1 + Math.floor(Math.random() * 5), // not all at the same time
        })
      }
      spoken += own + otherBlocks
      rooms++
      let held = 0
      const allowedBlocks = (): number =>
        Math.max(own, Math.min(Math.floor(lent() / rooms), Math.ceil(room.wanted / blockBytes)))

      const room: Room = {
        wanted: Infinity,
        get allowed() {
          return allowedBlocks() * blockBytes
        },
        take() {
          if (held >= own) {
            if (held >= allowedBlocks() || spoken >= lent() - (lent() >> 3)) return undefined
            spoken++
          }
          held++
          return spare.pop() ?? makeBlock()
        },
        give(block) {
          spare.push(block)
          if (held > own) spoken--
          held--
        },
        leave() {
          spoken -= own + otherBlocks
          rooms--
        },
      }
      return room
    },
  }
}

/**
 * A block lives as long as the process, and is used again and again. It is shared memory, though
 * nobody shares it, since V8 leaves that out of what its collector hopes to win back: with tens of
 * mebibytes of blocks in the count it looks through the whole heap over and over, for a third of
 * all CPU.
 */
function makeBlock(): Buffer {
  return Buffer.from(new SharedArrayBuffer(blockBytes))
}
