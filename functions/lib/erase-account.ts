/** Deletes the stored data of one account. Each module that stores such data provides one of these. */

/** @param sub the Google account */
export type EraseAccount = (sub: string) => Promise<void>

/**
 * Combines several erasers, which run in this order. All of them run, also when one fails.
 *
 * @throws the first error, after all have run
 */
export function eraseAll(erasers: readonly EraseAccount[]): EraseAccount {
  return async (sub) => {
    const errors: unknown[] = []
    for (const erase of erasers) await erase(sub).catch((error: unknown) => errors.push(error))
    if (errors.length > 0) throw errors[0]
  }
}
