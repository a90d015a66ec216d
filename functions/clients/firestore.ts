/** Firestore's client, in a file of its own for whoever loads it late: see `wiring-clients.ts`. */
import { Firestore } from '@google-cloud/firestore'
import { GoogleAuth } from 'google-auth-library'
import type { gaxios } from 'google-auth-library'
import { withoutCredentials } from './emulator-auth.ts'
import type { Config } from '../config/config.ts'
import { abandoned } from '../store/firestore-errors.ts'

export function openFirestore({ projectId, firestoreHost }: Config): Firestore {
  const isLocal = firestoreHost !== undefined
  return new Firestore({
    projectId,
    // Half the start-up time of gRPC, and nothing here listens for changes.
    preferRest: true,
    auth: new UntilAbandoned(isLocal ? { authClient: withoutCredentials() } : {}),
    ...(isLocal ? { host: firestoreHost, ssl: false } : {}),
  })
}

/** The client asks again by way of this; not for what is abandoned. */
class UntilAbandoned extends GoogleAuth {
  override async fetch<T>(
    ...args: Parameters<GoogleAuth['fetch']>
  ): Promise<gaxios.GaxiosResponse<T>> {
    if (abandoned.getStore()?.aborted) throw Object.assign(new Error('Abandoned'), cancelled)
    return super.fetch<T>(...args)
  }
}

/** The HTTP status for gRPC's CANCELLED, after which nothing is tried again. */
const cancelled = { status: 499 }
