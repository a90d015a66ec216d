/**
 * What has been done with a credential, counted for all instances: one small record for each, and
 * every write to it follows the version that it was reckoned from.
 *
 * A document takes about one write a second for long. Whatever wants to count here while a write is
 * under way waits and is counted in the next one, all together.
 */
import { GatewayError } from '../errors.ts'
import { keepRecent } from '../lib/lru.ts'
import type { Records, Stored } from '../store/versioned-store.ts'

export interface Amount {
  files: number
  /** Bytes of them all together. */
  bytes: number
}

export interface Usage extends Amount {
  /** Milliseconds since 1970; 0 for never. */
  lastUsedAt: number
}

export function isUsage(data: Record<string, unknown>): boolean {
  return ['files', 'bytes', 'lastUsedAt'].every((key) => typeof data[key] === 'number')
}

/** Whose usage is counted, and until when it is worth keeping. */
export interface Counted {
  id: string
  /** Milliseconds since 1970. */
  expiresAt: number
}

/** @returns what is to be added to what was used; nothing where that leaves no room */
export type Reckon = (used: Amount) => Amount | undefined

export interface Usages {
  /** What was used under each id. */
  read(ids: readonly string[]): Promise<Usage[]>
  /**
   * Counts.
   *
   * @returns what was added
   * @throws {GatewayError} `store_unavailable`: what cannot be counted is not allowed
   */
  add(who: Counted, reckon: Reckon): Promise<Amount | undefined>
  /** Notes that a credential is in use, once an hour or so; nobody has to wait for it. */
  touch(who: Counted): Promise<void>
  /** Of what is gone itself. */
  forget(ids: readonly string[]): Promise<void>
}

const none: Usage = { files: 0, bytes: 0, lastUsedAt: 0 }
const touchedMs = 60 * 60_000
const mostTouched = 10_000
/** Each round that is lost, another instance has won. */
const mostRounds = 12

interface Waiting {
  reckon: Reckon
  settle(added: Amount | undefined): void
  fail(error: unknown): void
}

export function createUsages(
  records: Records<Usage>,
  now: () => number = Date.now,
  wait: (ms: number) => Promise<void> = pause,
): Usages {
  /** Who waits for the next write to a record; there is an entry while one is under way. */
  const queues = new Map<string, Waiting[]>()
  const touched = new Map<string, number>() // oldest first

  /** One write for all that wait, and another one for those that have come meanwhile. */
  async function write(who: Counted, queue: Waiting[]): Promise<void> {
    let last: Stored<Usage> | undefined
    while (queue.length > 0) {
      const batch = queue.splice(0)
      try {
        last = await writeTogether(who, batch, last)
      } catch (error) {
        last = undefined
        for (const { fail } of batch) fail(error)
      }
    }
    queues.delete(who.id)
  }

  /** @param last what the write before has left, if nobody else has written since */
  async function writeTogether(
    { id, expiresAt }: Counted,
    batch: readonly Waiting[],
    last: Stored<Usage> | undefined,
  ): Promise<Stored<Usage> | undefined> {
    let believed = last
    for (let round = 0; round < mostRounds; round++) {
      const there = believed ?? (await records.find(id))
      const { usage, added } = reckonAll(there?.value ?? none, batch, now())
      const isAllRefused = added.every((amount) => amount === undefined)
      const written = isAllRefused
        ? believed === undefined // a refusal costs no write, and is said of nothing but a fresh look
        : there
          ? await records.replace(id, there.revision, usage, expiresAt)
          : await records.create(id, usage, expiresAt)
      if (written) {
        for (const [index, { settle }] of batch.entries()) settle(added[index])
        return written === true ? there : written
      }
      if (believed === undefined) await wait(Math.random() * Math.min(50 * 2 ** round, 2_000))
      believed = undefined
    }
    throw new GatewayError('store_unavailable', 'Others were quicker to count, each time')
  }

  async function read(ids: readonly string[]): Promise<Usage[]> {
    return (await records.findAll(ids)).map((stored) => stored?.value ?? none)
  }

  function add(who: Counted, reckon: Reckon): Promise<Amount | undefined> {
    return new Promise((settle, fail) => {
      const waiting = { reckon, settle, fail }
      const underWay = queues.get(who.id)
      const queue = underWay ?? []
      queue.push(waiting)
      if (underWay) return
      queues.set(who.id, queue)
      void write(who, queue)
    })
  }

  return {
    read,
    add,

    async touch(who) {
      const since = now() - (touched.get(who.id) ?? -Infinity)
      if (since >= 0 && since < touchedMs) return
      keepRecent(touched, who.id, now(), mostTouched)
      const [usage = none] = await read([who.id])
      // Another instance may have noted it already.
      if (now() - usage.lastUsedAt >= touchedMs) await add(who, () => ({ files: 0, bytes: 0 }))
    },

    forget: (ids) => records.removeEach(ids),
  }
}

function reckonAll(
  before: Usage,
  batch: readonly Waiting[],
  now: number,
): { usage: Usage; added: (Amount | undefined)[] } {
  const usage = { ...before, lastUsedAt: now }
  const added = batch.map(({ reckon }) => {
    const amount = reckon(usage)
    usage.files = Math.max(0, usage.files + (amount?.files ?? 0))
    usage.bytes = Math.max(0, usage.bytes + (amount?.bytes ?? 0))
    return amount
  })
  return { usage, added }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
