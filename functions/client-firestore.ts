/** Firestore's client, in a file of its own for whoever loads it late: see `wiring-clients.ts`. */
import { Firestore } from '@google-cloud/firestore'
import { withoutCredentials } from './client-credentials.ts'
import type { Config } from './config.ts'

export function openFirestore({ projectId, firestoreHost }: Config): Firestore {
  return new Firestore({
    projectId,
    // Half the start-up time of gRPC, and nothing here listens for changes.
    preferRest: true,
    ...(firestoreHost === undefined
      ? {}
      : { host: firestoreHost, ssl: false, authClient: withoutCredentials() }),
  })
}
