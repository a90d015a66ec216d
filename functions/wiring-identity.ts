/** The identity room, put together: who is asking. */
import { createIdentify } from './http/identify.ts'
import type { Identify } from './http/identify.ts'
import type { Origins } from './http/origins.ts'
import { createCredentials } from './identity/credential.ts'
import type { Credentials } from './identity/credential.ts'
import { createFirestoreClaims } from './identity/firestore-claims.ts'
import { createFirestoreCredentials } from './identity/firestore-credentials.ts'
import { createHeldCredentials } from './identity/held-credentials.ts'
import { createLogins } from './identity/login.ts'
import type { Logins } from './identity/login.ts'
import type { Seal } from './token/seal.ts'
import type { Clients } from './wiring-clients.ts'

export interface IdentityRoom {
  credentials: Credentials
  logins: Logins
  identify: Identify
}

export function wireIdentity(
  { firestore }: Clients,
  seal: Seal,
  origins: Origins,
  now: () => number,
): IdentityRoom {
  const credentials = createCredentials(
    createHeldCredentials(createFirestoreCredentials(firestore), now),
    now,
  )
  return {
    credentials,
    logins: createLogins(seal, createFirestoreClaims(firestore), now),
    identify: createIdentify(credentials, origins),
  }
}
