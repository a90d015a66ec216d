/** At which moment a request reads, and on whose behalf. */
import type { Fields } from './json.ts'
import { readChoice } from './json.ts'
import type { Document, Store } from './store.ts'
import type { Micros } from './timestamp.ts'
import { readTimestamp, writeTimestamp } from './timestamp.ts'
import type { Transactions } from './transaction.ts'

/** The fields of a request that choose its moment. */
export const selectors = ['transaction', 'newTransaction', 'readTime'] as const

export interface Moment {
  /** What to read at; `undefined` is now. */
  at: Micros | undefined
  /** For the answer. */
  readTime: string
  /** For the answer: the transaction that this request began. */
  begun: string | undefined
  /** Reads, and has the transaction remember what it gave. */
  read: (find: () => Document[]) => Document[]
}

export function readMoment(store: Store, transactions: Transactions, set: Fields): Moment {
  const choice = readChoice(set, 'the request', selectors)
  const now = store.tick()
  if (choice === 'readTime') {
    const at = readTimestamp(set['readTime'], 'readTime')
    store.checkReadTime(at)
    return { at, readTime: writeTimestamp(at), begun: undefined, read: (find) => find() }
  }
  if (choice === undefined) {
    const readTime = writeTimestamp(now)
    return { at: undefined, readTime, begun: undefined, read: (find) => find() }
  }
  const transaction =
    choice === 'transaction'
      ? transactions.find(store, set['transaction'])
      : transactions.begin(store, set['newTransaction'])
  return {
    at: transaction.readTime,
    readTime: writeTimestamp(transaction.readTime ?? now),
    begun: choice === 'newTransaction' ? transaction.id : undefined,
    read(find) {
      transaction.remember(() => fingerprint(find()))
      return find()
    },
  }
}

function fingerprint(documents: readonly Document[]): string {
  return documents.map(({ name, updateTime }) => `${name}@${updateTime}`).join('\n')
}
