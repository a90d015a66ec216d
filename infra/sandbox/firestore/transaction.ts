/**
 * Transactions. Reads take no locks: a commit succeeds only if all that was read is still so, and
 * is ABORTED otherwise, upon which the client tries again.
 */
import { randomBytes } from 'node:crypto'
import { readBytes, readChoice, readFields } from './json.ts'
import { FirestoreError, invalid } from './status.ts'
import type { Store } from './store.ts'
import type { Micros } from './timestamp.ts'
import { readTimestamp } from './timestamp.ts'

const lifetime = 270_000_000n

export interface Transaction {
  id: string
  /** The moment that a read-only transaction sees; others see what is true now. */
  readTime: Micros | undefined
  /** Remembers something that was read, by asking again what it gave then. */
  remember(read: () => string): void
}

export interface Transactions {
  begin(store: Store, options: unknown): Transaction
  /** @throws {FirestoreError} INVALID_ARGUMENT when it is over, or never was */
  find(store: Store, id: unknown): Transaction
  /**
   * Ends a transaction that is about to be committed.
   *
   * @throws {FirestoreError} ABORTED when something it read has changed
   */
  close(store: Store, id: unknown, hasWrites: boolean): void
  rollback(id: unknown): void
}

interface Open extends Transaction {
  store: Store
  begun: Micros
  reads: { read: () => string; gave: string }[]
}

export function createTransactions(): Transactions {
  const open = new Map<string, Open>()
  const mark = randomBytes(8) // tells our ids, ended ones included, from those that never were
  let issued = 0n

  function nextId(): string {
    const id = Buffer.alloc(16)
    mark.copy(id)
    id.writeBigUInt64BE(++issued, 8)
    return id.toString('base64')
  }

  /** Normalises an id, and refuses one that was never given out. */
  function knownId(raw: unknown): string {
    const id = readBytes(raw, 'transaction')
    const ours = id.length === 16 && id.subarray(0, 8).equals(mark)
    if (!ours || id.readBigUInt64BE(8) > issued) throw invalid('Invalid transaction')
    return id.toString('base64')
  }

  function find(store: Store, raw: unknown): Open {
    const found = open.get(knownId(raw))
    if (found?.store !== store) throw invalid('Transaction is invalid or closed')
    return found
  }

  function dropExpired(now: Micros): void {
    for (const [id, { begun }] of open) if (begun < now - lifetime) open.delete(id)
  }

  return {
    find,
    begin(store, options) {
      const readTime = readOptions(store, options, knownId)
      const begun = store.tick()
      dropExpired(begun)
      const reads: Open['reads'] = []
      const remember = (read: () => string) => {
        if (readTime === undefined) reads.push({ read, gave: read() })
      }
      const transaction = { id: nextId(), readTime, remember, store, begun, reads }
      open.set(transaction.id, transaction)
      return transaction
    },
    close(store, raw, hasWrites) {
      const { id, readTime, reads } = find(store, raw)
      if (readTime !== undefined && hasWrites) {
        throw invalid('Cannot modify entities in a read-only transaction')
      }
      open.delete(id)
      if (reads.some(({ read, gave }) => read() !== gave)) {
        throw new FirestoreError(
          'ABORTED',
          'A document that the transaction read has changed since',
        )
      }
    },
    rollback(raw) {
      open.delete(knownId(raw))
    },
  }
}

/** @returns the moment to read, for a read-only transaction */
function readOptions(
  store: Store,
  raw: unknown,
  knownId: (id: unknown) => string,
): Micros | undefined {
  const set = readFields(raw, 'TransactionOptions', ['readOnly', 'readWrite'])
  if (readChoice(set, 'TransactionOptions', ['readOnly', 'readWrite']) === 'readOnly') {
    const { readTime } = readFields(set['readOnly'], 'ReadOnly', ['readTime'])
    if (readTime === undefined) return store.tick()
    const at = readTimestamp(readTime, 'readTime')
    store.checkReadTime(at)
    return at
  }
  const { retryTransaction } = readFields(set['readWrite'], 'ReadWrite', ['retryTransaction'])
  if (retryTransaction !== undefined) knownId(retryTransaction)
  return undefined
}
