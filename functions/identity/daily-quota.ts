/**
 * What an account may upload in a day, whichever credentials it uses: counted as the limits of a
 * token are, in a record of the day (UTC), and on top of them.
 */
import { createHash } from 'node:crypto'
import { GatewayError } from '../errors.ts'
import type { Allowance, Allowances, Limited } from './quota.ts'
import type { Limits } from './principal.ts'

const dayMs = 24 * 60 * 60_000

/** @param perDay with nothing in it there is no limit, which costs nothing */
export function withDailyLimits(
  allowances: Allowances,
  perDay: Limits,
  now: () => number,
): Allowances {
  if (perDay.maxBytes === undefined && perDay.maxFiles === undefined) return allowances

  function today(sub: string): Limited {
    const day = Math.floor(now() / dayMs)
    const id = createHash('sha256').update(`day\n${sub}\n${day}`).digest('hex')
    const refusal = (): GatewayError => spent(perDay, (day + 1) * dayMs - now())
    return { id, expiresAt: (day + 2) * dayMs, limits: perDay, refusal }
  }

  return {
    open(who, about) {
      const own = allowances.open(who, about)
      return who.sub === undefined ? own : both(own, allowances.open(today(who.sub), about))
    },
    giveBack: (who, amount) => allowances.giveBack(who, amount),
  }
}

function both(own: Allowance, account: Allowance): Allowance {
  return {
    counts: [...own.counts, ...account.counts],
    limitsBytes: own.limitsBytes || account.limitsBytes,
    async file(bytes) {
      await own.file(bytes)
      await account.file(bytes)
    },
    metered: (content, sizeOf) => account.metered(own.metered(content, sizeOf), sizeOf),
    keep(bytes, files) {
      own.keep(bytes, files)
      account.keep(bytes, files)
    },
    drop(bytes) {
      own.drop(bytes)
      account.drop(bytes)
    },
    async close() {
      await Promise.all([own.close(), account.close()])
    },
  }
}

function spent({ maxFiles, maxBytes }: Limits, leftMs: number): GatewayError {
  const files = maxFiles === undefined ? [] : [`${maxFiles} files`]
  const bytes = maxBytes === undefined ? [] : [`${maxBytes} bytes`]
  return new GatewayError('daily_quota_exceeded', 'The account’s limits of the day leave no room', {
    detail: `An account may upload ${[...files, ...bytes].join(' and ')} a day here`,
    retryAfterSeconds: Math.ceil(leftMs / 1000),
  })
}
