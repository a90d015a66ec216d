/** File ids reserved at Drive in batches, so that an upload rarely waits for one. */
import { keepRecent } from '../../lib/lru.ts'
import type { DriveAccount } from '../client/account.ts'
import { createLine } from '../client/drive-client.ts'
import type { LineParts } from '../client/drive-client.ts'
import { idsRequest, readIds } from '../client/protocol.ts'

export interface Ids {
  /** An id that nobody else has; used or not, it is never given out again. */
  take(account: DriveAccount): Promise<string>
}

const firstBatch = 10
const largestBatch = 500
const maxAccounts = 1_000

interface Pool {
  ids: string[]
  batch: number
  refill: Promise<void> | undefined
}

/** Asks for so many ids; they are good for this account alone. */
export type Reserve = (account: DriveAccount, count: number) => Promise<string[]>

/** At Drive, and patiently: those who wait for ids share one asking, so none of them can end it. */
export function reserveAt(parts: LineParts): Reserve {
  const endless = new AbortController().signal
  return (account, count) => {
    const line = createLine(parts, account, endless)
    const request = idsRequest(line.root, count)
    return line.patience.retry(async () => readIds(await line.ask(request)))
  }
}

export function createIds(reserve: Reserve): Ids {
  const pools = new Map<string, Pool>()

  function poolOf(sub: string): Pool {
    const pool = pools.get(sub) ?? { ids: [], batch: firstBatch, refill: undefined }
    // Most recently used last; the ids of a pool that is dropped are simply never used.
    keepRecent(pools, sub, pool, maxAccounts)
    return pool
  }

  function refill(pool: Pool, account: DriveAccount): Promise<void> {
    pool.refill ??= reserve(account, pool.batch)
      .then((ids) => {
        pool.ids.push(...ids)
        pool.batch = Math.min(pool.batch * 2, largestBatch)
      })
      .finally(() => (pool.refill = undefined))
    return pool.refill
  }

  return {
    async take(account) {
      const pool = poolOf(account.sub)
      while (pool.ids.length === 0) await refill(pool, account)
      const id = pool.ids.shift() as string
      if (pool.ids.length < pool.batch / 4) refill(pool, account).catch(() => {}) // the next one asks
      return id
    },
  }
}
