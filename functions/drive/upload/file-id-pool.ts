/** Pool of file ids that are pre-generated in batches, so that an upload rarely waits for one. */
import { createSingleFlight } from '../../lib/single-flight.ts'
import { createTtlCache } from '../../lib/ttl-cache.ts'
import type { DriveAccount } from '../client/account.ts'
import { createDriveClient } from '../client/drive-client.ts'
import type { DriveClientOptions } from '../client/drive-client.ts'
import { generateIdsRequest, readIds } from '../client/protocol.ts'

export interface FileIdPool {
  /** Returns a unique file id, and never the same one again. */
  take(account: DriveAccount): Promise<string>
}

const initialBatchSize = 10
const maxBatchSize = 500
const maxAccounts = 1_000

interface Pool {
  ids: string[]
  batchSize: number
}

/** Generates `count` ids, which are valid for this account only. */
export type GenerateIds = (account: DriveAccount, count: number) => Promise<string[]>

/** Generates ids at Drive with retries. Waiting requests share the call, so none of them aborts it. */
export function createIdGenerator(options: DriveClientOptions): GenerateIds {
  const neverAborts = new AbortController().signal
  return (account, count) => {
    const client = createDriveClient(options, account, neverAborts)
    const request = generateIdsRequest(client.root, count)
    return client.retryPolicy.retry(async () => readIds(await client.request(request)))
  }
}

export function createFileIdPool(generateIds: GenerateIds): FileIdPool {
  const pools = createTtlCache<string, Pool>({ maxEntries: maxAccounts })
  const refills = createSingleFlight<Pool, void>()

  function poolOf(sub: string): Pool {
    const pool = pools.get(sub) ?? { ids: [], batchSize: initialBatchSize }
    pools.set(sub, pool) // keeps the most recently used; the ids of an evicted pool stay unused
    return pool
  }

  function refill(pool: Pool, account: DriveAccount): Promise<void> {
    return refills.run(pool, async () => {
      pool.ids.push(...(await generateIds(account, pool.batchSize)))
      pool.batchSize = Math.min(pool.batchSize * 2, maxBatchSize)
    })
  }

  return {
    async take(account) {
      const pool = poolOf(account.sub)
      while (pool.ids.length === 0) await refill(pool, account)
      const id = pool.ids.shift() as string
      const isLow = pool.ids.length < pool.batchSize / 4
      if (isLow) refill(pool, account).catch(() => {}) // the next call tries again
      return id
    },
  }
}
