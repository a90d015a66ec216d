/**
 * Lazily created SDK clients. Loading them is most of a cold start, so each is constructed in a module
 * of its own, which the bundle keeps as a separate chunk and the first use imports.
 */
import type { SecretManagerServiceClient } from '@google-cloud/secret-manager'
import type { drive_v3 } from 'googleapis/build/src/apis/drive/v3.js'
import type { Config } from '../config/config.ts'
import { createFirestoreRunner } from '../store/firestore-errors.ts'
import type { RunFirestore } from '../store/firestore-errors.ts'

export interface Clients {
  firestore: RunFirestore
  drive(): Promise<drive_v3.Drive>
  secretManager(): Promise<SecretManagerServiceClient>
}

/** @param timeouts in milliseconds, read for each operation */
export function createClients(config: Config, timeouts?: { firestore?: number }): Clients {
  const { projectId, databaseId, firestoreHost, secretManagerHost, googleEndpoints } = config
  const firestore = lazy(async () => {
    const { createFirestore } = await import('../clients/firestore.ts')
    return createFirestore(projectId, databaseId, firestoreHost)
  })
  return {
    firestore: createFirestoreRunner(firestore, timeouts),
    drive: lazy(async () => {
      const { createDrive } = await import('../clients/drive.ts')
      return createDrive(googleEndpoints.drive)
    }),
    secretManager: lazy(async () => {
      const { createSecretManager } = await import('../clients/secret-manager.ts')
      return createSecretManager(projectId, secretManagerHost)
    }),
  }
}

/** Calls `create` at the first use and caches its value; a failure is not cached. */
function lazy<T>(create: () => Promise<T>): () => Promise<T> {
  let value: Promise<T> | undefined
  return () =>
    (value ??= create().catch((error: unknown) => {
      value = undefined
      throw error
    }))
}
