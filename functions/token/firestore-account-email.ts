/** Reads the verified e-mail address of an account from its grant, without opening the grant. */
import type { Collection } from '../store/collections.ts'
import type { RunFirestore } from '../store/firestore-errors.ts'

/** @returns the address in lower case, or `undefined` if the account or a verified address is missing */
export function createAccountEmailLookup(
  firestore: RunFirestore,
): (sub: string) => Promise<string | undefined> {
  return async (sub) => {
    const grant = await firestore((store) =>
      store
        .collection('grants' satisfies Collection)
        .doc(sub)
        .get(),
    )
    const { email, emailVerified } = grant.data() ?? {}
    return emailVerified === true && typeof email === 'string' ? email.toLowerCase() : undefined
  }
}
