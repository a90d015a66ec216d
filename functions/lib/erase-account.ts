/** An account that is to be forgotten: each room says how it forgets, and all of them do. */

/** @param sub the account at Google */
export type Forget = (sub: string) => Promise<void>

/**
 * @returns one that lets every room forget, also after one of them has failed
 * @throws what the first of them threw, once all are through
 */
export function forgetEverywhere(rooms: readonly Forget[]): Forget {
  return async (sub) => {
    const results = await Promise.allSettled(rooms.map(async (forget) => forget(sub)))
    const failed = results.find((result) => result.status === 'rejected')
    if (failed) throw failed.reason
  }
}
