/**
 * Daily upload quota of an account, in addition to its tokens' own limits. Usage is counted per
 * account and UTC day, for all credentials of the account together.
 */
import { createHash } from 'node:crypto'
import { GatewayError } from '../errors.ts'
import { limitsText } from './quota.ts'
import type { QuotaReservation, QuotaSubject, Quotas } from './quota.ts'
import type { Limits } from './principal.ts'

const dayMs = 24 * 60 * 60_000

/** @param dailyLimits when empty, `quotas` is returned unchanged */
export function withDailyQuota(quotas: Quotas, dailyLimits: Limits, now: () => number): Quotas {
  if (dailyLimits.maxBytes === undefined && dailyLimits.maxFiles === undefined) return quotas

  function dailySubject(sub: string): QuotaSubject {
    const day = Math.floor(now() / dayMs)
    const id = createHash('sha256').update(`day\n${sub}\n${day}`).digest('hex')
    const exceededError = (): GatewayError =>
      dailyQuotaExceeded(dailyLimits, (day + 1) * dayMs - now())
    return { id, expiresAt: (day + 2) * dayMs, limits: dailyLimits, exceededError }
  }

  return {
    open(subject, expectedBytes) {
      const own = quotas.open(subject, expectedBytes)
      if (subject.sub === undefined) return own
      return combine(own, quotas.open(dailySubject(subject.sub), expectedBytes))
    },
    refund: (key, amount) => quotas.refund(key, amount),
  }
}

/** Applies every operation to both reservations. */
function combine(own: QuotaReservation, daily: QuotaReservation): QuotaReservation {
  return {
    counters: [...own.counters, ...daily.counters],
    limitsBytes: own.limitsBytes || daily.limitsBytes,
    async reserveFile(bytes) {
      await own.reserveFile(bytes)
      await daily.reserveFile(bytes)
    },
    meter: (content, sizeOf) => daily.meter(own.meter(content, sizeOf), sizeOf),
    commit(bytes, files) {
      own.commit(bytes, files)
      daily.commit(bytes, files)
    },
    revert(bytes) {
      own.revert(bytes)
      daily.revert(bytes)
    },
    async settle() {
      await Promise.all([own.settle(), daily.settle()])
    },
  }
}

function dailyQuotaExceeded(limits: Limits, remainingMs: number): GatewayError {
  return new GatewayError('daily_quota_exceeded', 'The account’s daily quota is exceeded', {
    detail: `An account may upload ${limitsText(limits)} per day`,
    retryAfterSeconds: Math.ceil(remainingMs / 1000),
  })
}
