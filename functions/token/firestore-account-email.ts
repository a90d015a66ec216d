/** An account's address as Google has verified it, also where no key opens its grant. */
import type { Firestore } from '@google-cloud/firestore'
import type { Collection } from '../store/collections.ts'
import { guarded } from '../store/firestore-errors.ts'

/** @returns lower case; nothing for an account that is unknown or whose address is unverified */
export function createAddresses(
  firestore: () => Promise<Firestore>,
): (sub: string) => Promise<string | undefined> {
  return async (sub) => {
    const grant = (await firestore()).collection('grants' satisfies Collection).doc(sub)
    const { email, emailVerified } = (await guarded(() => grant.get())).data() ?? {}
    return emailVerified === true && typeof email === 'string' ? email.toLowerCase() : undefined
  }
}
