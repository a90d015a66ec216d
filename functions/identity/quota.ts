/**
 * Quota reservations. A request reserves files and bytes of its credential's limits before it sends
 * them to Drive, in growing steps when the length is unknown, and returns what it does not use.
 * A credential without limits costs no store access.
 *
 * An instance that crashes returns nothing: its reservations stay counted as used.
 */
import { GatewayError } from '../errors.ts'
import type { Limits } from './principal.ts'
import type { Amount, CounterKey, UsageCounter } from './usage-counter.ts'

/** The reservation of one request. */
export interface QuotaReservation {
  /** The counters that are charged, for a later refund; empty without limits. */
  counters: readonly CounterKey[]
  /** Whether the number of bytes is limited. */
  limitsBytes: boolean
  /**
   * Reserves one more file.
   *
   * @param bytes its length, if known: reserved as a whole or rejected
   * @throws {GatewayError} `token_quota_exceeded`
   */
  reserveFile(bytes?: number): Promise<void>
  /**
   * Passes the content of a file on and reserves its bytes first.
   *
   * @throws {GatewayError} `token_quota_exceeded`, possibly in the middle of the content
   */
  meter<P>(content: AsyncIterable<P>, sizeOf: (chunk: P) => number): AsyncIterable<P>
  /**
   * Counts a stored file as used.
   *
   * @param files default 1; 0 for more bytes of a file that is already committed
   */
  commit(bytes: number, files?: number): void
  /** Reverts the commit of a file that was removed again. */
  revert(bytes: number): void
  /** Ends the request: refunds what is reserved and not committed. */
  settle(): Promise<void>
}

/** The credential or account that a quota applies to. */
export interface QuotaSubject extends CounterKey {
  limits?: Limits
  /** The account, if its daily quota applies too. */
  sub?: string
  /** The error for an exceeded quota; default `token_quota_exceeded`. */
  exceededError?: () => GatewayError
}

export interface Quotas {
  /** @param expectedBytes the likely size of the request, reserved with its first file */
  open(subject: QuotaSubject, expectedBytes?: number): QuotaReservation
  /** Returns an amount that an earlier request has committed. */
  refund(key: CounterKey, amount: Amount): Promise<void>
}

const minStepBytes = 1024 * 1024
const maxStepBytes = 256 * 1024 * 1024

export function createQuotas(
  usageCounter: Pick<UsageCounter, 'add'>,
  onRefundError: (error: unknown) => void = () => {},
): Quotas {
  const refund = async (key: CounterKey, { files, bytes }: Amount): Promise<void> => {
    if (files <= 0 && bytes <= 0) return
    await usageCounter.add(key, () => ({ files: -Math.max(0, files), bytes: -Math.max(0, bytes) }))
  }

  return {
    refund,

    open(subject, expectedBytes = 0) {
      const { limits } = subject
      if (limits === undefined) return unlimitedReservation
      const { maxFiles = Infinity, maxBytes = Infinity } = limits
      const reserved = { files: 0, bytes: 0 }
      const needed = { files: 0, bytes: 0 }
      const committed = { files: 0, bytes: 0 }

      /** The last reservation: settle() waits for it, since it may succeed after the request ends. */
      let pendingReservation: Promise<void> = Promise.resolve()
      let isSettled = false

      function reserve(): Promise<void> {
        pendingReservation = reserveNeeded()
        pendingReservation.catch(() => {}) // the caller handles the error
        return pendingReservation
      }

      async function reserveNeeded(): Promise<void> {
        const files = needed.files - reserved.files
        const bytes = needed.bytes - reserved.bytes
        if (files <= 0 && bytes <= 0) return
        const isFirst = reserved.files === 0
        const step = Math.min(Math.max(minStepBytes, reserved.bytes), maxStepBytes)
        const preferred = {
          files: files > 0 ? reserved.files : 0,
          bytes: isFirst ? expectedBytes : bytes > 0 ? step : 0,
        }
        const added = await usageCounter.add(subject, (used) => ({
          files: reservableAmount(files, preferred.files, maxFiles - used.files),
          bytes: reservableAmount(bytes, preferred.bytes, maxBytes - used.bytes),
        }))
        reserved.files += added?.files ?? 0
        reserved.bytes += added?.bytes ?? 0
        if (reserved.files < needed.files || reserved.bytes < needed.bytes)
          throw subject.exceededError?.() ?? tokenQuotaExceeded(limits)
      }

      return {
        counters: [{ id: subject.id, expiresAt: subject.expiresAt }],
        limitsBytes: limits.maxBytes !== undefined,

        async reserveFile(bytes = 0) {
          needed.files++
          needed.bytes += bytes
          await reserve()
          needed.bytes -= bytes // meter() counts them
        },

        async *meter(content, sizeOf) {
          for await (const chunk of content) {
            if (isSettled) return // the consumer has stopped
            needed.bytes += sizeOf(chunk)
            if (needed.bytes > reserved.bytes) await reserve()
            yield chunk
          }
        },

        commit(bytes, files = 1) {
          committed.files += files
          committed.bytes += bytes
        },

        revert(bytes) {
          committed.files--
          committed.bytes -= bytes
        },

        async settle() {
          isSettled = true
          await pendingReservation.catch(() => {})
          const files = reserved.files - committed.files
          const bytes = reserved.bytes - committed.bytes
          await refund(subject, { files, bytes }).catch(onRefundError)
        },
      }
    },
  }
}

/** The preferred amount, at least the needed one, at most the remaining one; 0 if that is too little. */
function reservableAmount(needed: number, preferred: number, remaining: number): number {
  return needed > remaining ? 0 : Math.max(0, Math.min(Math.max(needed, preferred), remaining))
}

/** Runs `work` and settles the reservation, also after an error. */
export async function runAndSettle<T>(
  reservation: QuotaReservation,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } finally {
    await reservation.settle()
  }
}

/** The reservation of a credential without limits. */
export const unlimitedReservation: QuotaReservation = {
  counters: [],
  limitsBytes: false,
  reserveFile: () => Promise.resolve(),
  meter: (content) => content,
  commit() {},
  revert() {},
  settle: () => Promise.resolve(),
}

/** For example `3 files and 1000 bytes`. */
export function limitsText({ maxFiles, maxBytes }: Limits): string {
  const files = maxFiles === undefined ? [] : [`${maxFiles} files`]
  const bytes = maxBytes === undefined ? [] : [`${maxBytes} bytes`]
  return [...files, ...bytes].join(' and ')
}

function tokenQuotaExceeded(limits: Limits = {}): GatewayError {
  return new GatewayError('token_quota_exceeded', 'The token’s quota is exceeded', {
    detail: `This token may upload ${limitsText(limits)} in total`,
  })
}
