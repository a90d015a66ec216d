/** Firestore SDK client; its own module so that `app/clients.ts` can load it lazily. */
import { Firestore } from '@google-cloud/firestore'
import { GoogleAuth } from 'google-auth-library'
import type { gaxios } from 'google-auth-library'
import { deadlineSignal } from '../store/firestore-errors.ts'
import { anonymousAuth } from './emulator-auth.ts'

/** @param emulatorHost `host:port`, instead of Google's Firestore */
export function createFirestore(
  projectId: string,
  databaseId: string,
  emulatorHost?: string,
): Firestore {
  const isLocal = emulatorHost !== undefined
  return new Firestore({
    projectId,
    databaseId,
    // REST has half the start-up time of gRPC, and the gateway has no listeners.
    preferRest: true,
    auth: new DeadlineAwareAuth(isLocal ? { authClient: anonymousAuth() } : {}),
    ...(isLocal ? { host: emulatorHost, ssl: false } : {}),
  })
}

/** The SDK sends its retries through this class, which rejects them after the deadline. */
class DeadlineAwareAuth extends GoogleAuth {
  override async fetch<T>(
    ...args: Parameters<GoogleAuth['fetch']>
  ): Promise<gaxios.GaxiosResponse<T>> {
    if (deadlineSignal.getStore()?.aborted) throw Object.assign(new Error('Aborted'), cancelled)
    return super.fetch<T>(...args)
  }
}

/** The HTTP status for gRPC's CANCELLED, which the SDK does not retry. */
const cancelled = { status: 499 }
