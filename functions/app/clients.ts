/**
 * The SDK clients, each constructed in a file of its own, and nowhere else. That file is loaded when
 * it is first needed, since loading the clients is most of a cold start; the bundle has it apart, so
 * that it is not even read before.
 */
import type { Firestore } from '@google-cloud/firestore'
import type { SecretManagerServiceClient } from '@google-cloud/secret-manager'
import type { drive_v3 } from 'googleapis/build/src/apis/drive/v3.js'
import type { Config } from '../config/config.ts'

export interface Clients {
  firestore(): Promise<Firestore>
  drive(): Promise<drive_v3.Drive>
  secretManager(): Promise<SecretManagerServiceClient>
}

export function createClients(config: Config): Clients {
  return {
    firestore: once(async () => (await import('../clients/firestore.ts')).openFirestore(config)),
    drive: once(async () => (await import('../clients/drive.ts')).openDrive(config)),
    secretManager: once(async () =>
      (await import('../clients/secret-manager.ts')).openSecretManager(config),
    ),
  }
}

/** One value for everybody, made when it is first asked for; tried again after a failure. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () =>
    (made ??= make().catch((error: unknown) => {
      made = undefined
      throw error
    }))
}
