/**
 * What one request may still use up of its credential's limits: reserved before it is sent on, in
 * steps that grow where nobody knows how much is to come, and given back where nothing came of it.
 * A credential without limits costs nothing here.
 *
 * An instance that dies gives nothing back: what was reserved then counts as used.
 */
import { GatewayError } from '../errors.ts'
import type { Limits } from './principal.ts'
import type { Amount, Counted, Usages } from './usage-counter.ts'

export interface Allowance {
  /** Whose records it counts in, to give back there later; none where nothing is limited. */
  counts: readonly Counted[]
  /** Whether only so many bytes may come. */
  limitsBytes: boolean
  /**
   * One more file.
   *
   * @param bytes what it has, where that is known: reserved as a whole or refused
   * @throws {GatewayError} `token_quota_exceeded`
   */
  file(bytes?: number): Promise<void>
  /**
   * The bytes of a file, counted before they are passed on.
   *
   * @throws {GatewayError} `token_quota_exceeded` in the middle of it
   */
  metered<P>(content: AsyncIterable<P>, sizeOf: (piece: P) => number): AsyncIterable<P>
  /**
   * A file is there: what was reserved for it stays used.
   *
   * @param files 0 where they are more bytes of a file that was kept before
   */
  keep(bytes: number, files?: number): void
  /** A file that was kept is gone again. */
  drop(bytes: number): void
  /** Gives back what was reserved and not kept; the request is over. */
  close(): Promise<void>
}

/** Whose limits they are. */
export interface Limited extends Counted {
  limits?: Limits
  /** The account, where its own limits count as well. */
  sub?: string
  /** What to say where there is no room; `token_quota_exceeded` unless said. */
  refusal?: () => GatewayError
}

export interface Allowances {
  /** @param about how many bytes are likely to come */
  open(who: Limited, about?: number): Allowance
  /** Gives back what an earlier request has kept. */
  giveBack(who: Counted, amount: Amount): Promise<void>
}

const firstStep = 1024 * 1024
const largestStep = 256 * 1024 * 1024

export function createAllowances(
  usages: Pick<Usages, 'add'>,
  onFailure: (error: unknown) => void = () => {},
): Allowances {
  const giveBack = async (who: Counted, { files, bytes }: Amount): Promise<void> => {
    if (files <= 0 && bytes <= 0) return
    await usages.add(who, () => ({ files: -Math.max(0, files), bytes: -Math.max(0, bytes) }))
  }

  return {
    giveBack,

    open(who, about = 0) {
      const { limits } = who
      if (limits === undefined) return unlimited
      const { maxFiles = Infinity, maxBytes = Infinity } = limits
      const reserved = { files: 0, bytes: 0 }
      const needed = { files: 0, bytes: 0 }
      const kept = { files: 0, bytes: 0 }

      /** The last reservation: one that comes back after the request is over has to be given back. */
      let reserving: Promise<void> = Promise.resolve()
      let isOver = false

      function reserve(): Promise<void> {
        reserving = reserveNow()
        reserving.catch(() => {}) // whoever asked hears of it
        return reserving
      }

      async function reserveNow(): Promise<void> {
        const files = needed.files - reserved.files
        const bytes = needed.bytes - reserved.bytes
        if (files <= 0 && bytes <= 0) return
        const isFirst = reserved.files === 0
        const step = Math.min(Math.max(firstStep, reserved.bytes), largestStep)
        const likely = {
          files: files > 0 ? reserved.files : 0,
          bytes: isFirst ? about : bytes > 0 ? step : 0,
        }
        const added = await usages.add(who, (used) => ({
          files: share(files, likely.files, maxFiles - used.files),
          bytes: share(bytes, likely.bytes, maxBytes - used.bytes),
        }))
        reserved.files += added?.files ?? 0
        reserved.bytes += added?.bytes ?? 0
        if (reserved.files < needed.files || reserved.bytes < needed.bytes)
          throw who.refusal?.() ?? spent(who.limits)
      }

      return {
        counts: [{ id: who.id, expiresAt: who.expiresAt }],
        limitsBytes: limits.maxBytes !== undefined,

        async file(bytes = 0) {
          needed.files++
          needed.bytes += bytes
          await reserve()
          needed.bytes -= bytes // counted as it comes
        },

        async *metered(content, sizeOf) {
          for await (const piece of content) {
            if (isOver) return // nobody reads on
            needed.bytes += sizeOf(piece)
            if (needed.bytes > reserved.bytes) await reserve()
            yield piece
          }
        },

        keep(bytes, files = 1) {
          kept.files += files
          kept.bytes += bytes
        },

        drop(bytes) {
          kept.files--
          kept.bytes -= bytes
        },

        async close() {
          isOver = true
          await reserving.catch(() => {})
          const files = reserved.files - kept.files
          const bytes = reserved.bytes - kept.bytes
          await giveBack(who, { files, bytes }).catch(onFailure)
        },
      }
    },
  }
}

/** What is needed at least, what is likely to be needed soon, and never more than there is. */
function share(needed: number, likely: number, left: number): number {
  return needed > left ? 0 : Math.max(0, Math.min(Math.max(needed, likely), left))
}

/** Does something, and closes the allowance whatever came of it. */
export async function closing<T>(allowance: Allowance, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } finally {
    await allowance.close()
  }
}

/** Of a credential without limits. */
export const unlimited: Allowance = {
  counts: [],
  limitsBytes: false,
  file: () => Promise.resolve(),
  metered: (content) => content,
  keep() {},
  drop() {},
  close: () => Promise.resolve(),
}

function spent({ maxFiles, maxBytes }: Limits = {}): GatewayError {
  const files = maxFiles === undefined ? [] : [`${maxFiles} files`]
  const bytes = maxBytes === undefined ? [] : [`${maxBytes} bytes`]
  return new GatewayError('token_quota_exceeded', 'The limits of the token leave no room', {
    detail: `This token may upload ${[...files, ...bytes].join(' and ')} in all`,
  })
}
