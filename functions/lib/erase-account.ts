/** Deletes the stored data of one account. Each module that stores such data provides one of these. */

/** @param sub the Google account */
export type EraseAccount = (sub: string) => Promise<void>

/**
 * Combines several erasers. All of them run, also when one fails.
 *
 * @throws the first error, after all have run
 */
export function eraseAll(erasers: readonly EraseAccount[]): EraseAccount {
  return async (sub) => {
    const results = await Promise.allSettled(erasers.map(async (erase) => erase(sub)))
    const failed = results.find((result) => result.status === 'rejected')
    if (failed) throw failed.reason
  }
}
