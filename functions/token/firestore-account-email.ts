/** Reads the verified e-mail address of an account from its grant, without opening the grant. */
import type { Firestore } from '@google-cloud/firestore'
import type { Collection } from '../store/collections.ts'
import { withFirestoreDeadline } from '../store/firestore-errors.ts'

/** @returns the address in lower case, or `undefined` if the account or a verified address is missing */
export function createAccountEmailLookup(
  firestore: () => Promise<Firestore>,
): (sub: string) => Promise<string | undefined> {
  return async (sub) => {
    const grant = (await firestore()).collection('grants' satisfies Collection).doc(sub)
    const { email, emailVerified } = (await withFirestoreDeadline(() => grant.get())).data() ?? {}
    return emailVerified === true && typeof email === 'string' ? email.toLowerCase() : undefined
  }
}
