/**
 * Usage counter of credentials, shared by all instances: one small record per credential, written
 * with optimistic concurrency control.
 *
 * Firestore sustains about one write per second and document. Updates that arrive during a write are
 * combined into the next one.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { GatewayError } from '../errors.ts'
import { createTtlCache } from '../lib/ttl-cache.ts'
import type { Versioned, VersionedStore } from '../store/versioned-store.ts'

export interface Amount {
  files: number
  /** Bytes of all files together. */
  bytes: number
}

export interface Usage extends Amount {
  /** Milliseconds since 1970; 0 if never used. */
  lastUsedAt: number
}

export function isUsage(data: Record<string, unknown>): boolean {
  return ['files', 'bytes', 'lastUsedAt'].every((key) => typeof data[key] === 'number')
}

/** The record that is charged, and its expiry. */
export interface CounterKey {
  id: string
  /** Milliseconds since 1970. */
  expiresAt: number
}

/** @returns the amount to add to the usage, or `undefined` to reject the update */
export type UsageUpdate = (used: Amount) => Amount | undefined

export interface UsageCounter {
  /** The usage of each id, in the same order. */
  read(ids: readonly string[]): Promise<Usage[]>
  /**
   * Adds to the usage.
   *
   * @returns the added amount
   * @throws {GatewayError} `store_unavailable`: what cannot be counted is not allowed
   */
  add(key: CounterKey, update: UsageUpdate): Promise<Amount | undefined>
  /** Sets the time of last use, at most about once an hour; callers need not wait. */
  markUsed(key: CounterKey): Promise<void>
  /** Removes the records of revoked credentials. */
  remove(ids: readonly string[]): Promise<void>
}

const noUsage: Usage = { files: 0, bytes: 0, lastUsedAt: 0 }
const markIntervalMs = 60 * 60_000
const maxMarked = 10_000
/** Every lost write means that another instance has made progress. */
const maxAttempts = 12

interface PendingUpdate {
  update: UsageUpdate
  resolve(added: Amount | undefined): void
  reject(error: unknown): void
}

export function createUsageCounter(
  records: VersionedStore<Usage>,
  now: () => number = Date.now,
  wait: (ms: number) => Promise<void> = sleep,
): UsageCounter {
  /** Updates that wait for the next write to a record; an entry exists while a write runs. */
  const queues = new Map<string, PendingUpdate[]>()
  const marked = createTtlCache<string, true>({
    maxEntries: maxMarked,
    ttlMs: markIntervalMs,
    now,
  })

  /** Writes the queued updates in batches until the queue is empty. */
  async function drainQueue(key: CounterKey, queue: PendingUpdate[]): Promise<void> {
    let written: Versioned<Usage> | undefined
    while (queue.length > 0) {
      const batch = queue.splice(0)
      try {
        written = await writeBatch(key, batch, written)
      } catch (error) {
        written = undefined
        for (const { reject } of batch) reject(error)
      }
    }
    queues.delete(key.id)
  }

  /** @param lastWritten the result of the previous write, current unless another instance has written */
  async function writeBatch(
    { id, expiresAt }: CounterKey,
    batch: readonly PendingUpdate[],
    lastWritten: Versioned<Usage> | undefined,
  ): Promise<Versioned<Usage> | undefined> {
    let cached = lastWritten
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const current = cached ?? (await records.find(id))
      const { usage, added } = applyBatch(current?.value ?? noUsage, batch, now())
      const isRejected = added.every((amount) => amount === undefined)
      const written = isRejected
        ? cached === undefined // a rejection needs no write, but a current record
        : current
          ? await records.replace(id, current.etag, usage, expiresAt)
          : await records.create(id, usage, expiresAt)
      if (written) {
        for (const [index, { resolve }] of batch.entries()) resolve(added[index])
        return written === true ? current : written
      }
      if (cached === undefined) await wait(Math.random() * Math.min(50 * 2 ** attempt, 2_000))
      cached = undefined
    }
    throw new GatewayError('store_unavailable', 'The usage record kept changing')
  }

  async function read(ids: readonly string[]): Promise<Usage[]> {
    return (await records.findAll(ids)).map((stored) => stored?.value ?? noUsage)
  }

  function add(key: CounterKey, update: UsageUpdate): Promise<Amount | undefined> {
    return new Promise((resolve, reject) => {
      const pending = { update, resolve, reject }
      const queue = queues.get(key.id)
      if (queue) {
        queue.push(pending)
        return
      }
      const newQueue = [pending]
      queues.set(key.id, newQueue)
      void drainQueue(key, newQueue)
    })
  }

  return {
    read,
    add,

    async markUsed(key) {
      if (marked.get(key.id)) return
      marked.set(key.id, true)
      const [usage = noUsage] = await read([key.id])
      // Another instance may have set it already.
      if (now() - usage.lastUsedAt >= markIntervalMs) await add(key, () => ({ files: 0, bytes: 0 }))
    },

    remove: (ids) => records.removeEach(ids),
  }
}

function applyBatch(
  before: Usage,
  batch: readonly PendingUpdate[],
  now: number,
): { usage: Usage; added: (Amount | undefined)[] } {
  const usage = { ...before, lastUsedAt: now }
  const added = batch.map(({ update }) => {
    const amount = update(usage)
    usage.files = Math.max(0, usage.files + (amount?.files ?? 0))
    usage.bytes = Math.max(0, usage.bytes + (amount?.bytes ?? 0))
    return amount
  })
  return { usage, added }
}
