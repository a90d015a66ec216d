/** Composition of the Drive services: uploads, downloads and file metadata. */
import type { Config } from '../config/config.ts'
import { createIdempotencyStore, isIdempotencyRecord } from '../drive/upload/idempotency.ts'
import type { IdempotencyRecord, IdempotencyStore } from '../drive/upload/idempotency.ts'
import { createBufferPool } from '../drive/upload/buffer-pool.ts'
import { createDestinations } from '../drive/files/destination.ts'
import type { Destinations } from '../drive/files/destination.ts'
import { createFolderAncestry } from '../drive/files/folder-ancestry.ts'
import type { FolderAncestry } from '../drive/files/folder-ancestry.ts'
import { createDirectUploads } from '../drive/upload/direct-upload.ts'
import type { DirectUploads } from '../drive/upload/direct-upload.ts'
import { createDownloads } from '../drive/files/download.ts'
import type { Downloads } from '../drive/files/download.ts'
import type { Files } from '../drive/files/listing.ts'
import { createFolders, isFolderReservation } from '../drive/files/folders.ts'
import type { FolderReservation, Folders } from '../drive/files/folders.ts'
import { createGoogleapisFiles } from '../drive/files/googleapis-files.ts'
import { createFileIdPool, createIdGenerator } from '../drive/upload/file-id-pool.ts'
import { createInstrumentation } from '../drive/client/drive-telemetry.ts'
import type { Sleep } from '../drive/client/retry.ts'
import { createConflictPolicy } from '../drive/upload/conflict-policy.ts'
import type { ConflictPolicy } from '../drive/upload/conflict-policy.ts'
import { createStreamRequest } from '../drive/client/stream-request.ts'
import { createUploadLengths, isUploadLengthRecord } from '../drive/upload/upload-lengths.ts'
import type { UploadLengthRecord, UploadLengths } from '../drive/upload/upload-lengths.ts'
import { createUploadSessions } from '../drive/upload/upload-session.ts'
import type { UploadSessions } from '../drive/upload/upload-session.ts'
import { createSend } from '../drive/client/transport.ts'
import type { Timeouts } from '../drive/client/transport.ts'
import { createUploads } from '../drive/upload/upload.ts'
import type { Uploads } from '../drive/upload/upload.ts'
import { createFirestoreVersionedStore } from '../store/firestore-versioned-store.ts'
import type { Log } from '../http/log.ts'
import type { Telemetry } from '../telemetry/metrics.ts'
import type { Clients } from './clients.ts'

export interface DriveServices {
  files: Files
  downloads: Downloads
  uploads: Uploads
  folders: Folders
  folderAncestry: FolderAncestry
  destinations: Destinations
  conflictPolicy: ConflictPolicy
  idempotency: IdempotencyStore
  directUploads: DirectUploads
  uploadSessions: UploadSessions
  uploadLengths: UploadLengths
}

export interface DriveOptions {
  /** Fixed chunk size in bytes; adapted to throughput and latency by default. */
  chunkBytes?: number
  /** Waits before a retry. */
  sleep?: Sleep
  /** Timeouts in milliseconds for each phase of a request to Drive, and for what follows a failure. */
  driveTimeouts?: Partial<DriveTimeouts>
  /** Maximum milliseconds that an upload waits for memory. */
  admissionWaitMs?: number
  /** Duration in milliseconds of an idempotency lease that is not renewed. */
  leaseMs?: number
}

export interface DriveTimeouts extends Timeouts {
  /** Of a creating request after its client has left. */
  abortGrace: number
  /** Of sending the bytes that were read, after the client of a tus upload has left. */
  sendGrace: number
  /** Of each cleanup after a failure. */
  cleanup: number
  /** Of resuming a broken download. */
  resume: number
}

function instrument<T>(service: T, decorate: ((service: T) => T) | undefined): T {
  return decorate ? decorate(service) : service
}

export function createDriveServices(
  config: Config,
  { firestore, drive }: Clients,
  log: Log,
  now: () => number,
  options: DriveOptions,
  telemetry?: Telemetry,
): DriveServices {
  const { chunkBytes, driveTimeouts, leaseMs } = options
  const instrumentation = telemetry && createInstrumentation(telemetry)
  const sleep = instrumentation ? instrumentation.sleep(options.sleep) : options.sleep
  const send = instrument(createSend(driveTimeouts), instrumentation?.send)
  const sleepOption = sleep === undefined ? {} : { sleep }
  const chunkOption = chunkBytes === undefined ? {} : { chunkBytes }
  const root = config.googleEndpoints.drive
  const wholeDrive = config.accessProfile === 'full'
  const fileIds = createFileIdPool(createIdGenerator({ send, root, ...sleepOption }))
  const deps = {
    send,
    fileIds,
    bufferPool: instrument(
      createBufferPool(config.memoryBytes, { maxWaitMs: options.admissionWaitMs }),
      instrumentation?.bufferPool,
    ),
    root,
    ...sleepOption,
    abortGraceMs: driveTimeouts?.abortGrace,
    cleanupTimeoutMs: driveTimeouts?.cleanup,
    wholeDrive,
    onCleanupError: (fileId: string, error: unknown) =>
      log.failure('upload_cleanup_failed', error, { fileId }),
  }
  const { response, progress } = driveTimeouts ?? {}
  const streamRequest = instrument(
    createStreamRequest({ headers: response, idle: progress }),
    instrumentation?.streamRequest,
  )
  const reservations = createFirestoreVersionedStore<FolderReservation>(
    firestore,
    'folders',
    isFolderReservation,
  )
  const records = createFirestoreVersionedStore<IdempotencyRecord>(
    firestore,
    'idempotencyKeys',
    isIdempotencyRecord,
  )
  const lengths = createFirestoreVersionedStore<UploadLengthRecord>(
    firestore,
    'singleUse',
    isUploadLengthRecord,
  )
  const folderAncestry = createFolderAncestry(deps, now)
  return {
    files: createGoogleapisFiles(drive, {
      ...sleepOption,
      wholeDrive,
      timeoutMs: driveTimeouts?.response,
      ...(instrumentation ? { instrument: instrumentation.request } : {}),
    }),
    downloads: createDownloads({
      ...deps,
      streamRequest,
      resumeTimeoutMs: driveTimeouts?.resume,
    }),
    uploads: createUploads({ ...deps, ...chunkOption }),
    folders: createFolders({ ...deps, reservations, folderAncestry }, now),
    folderAncestry,
    destinations: createDestinations(deps),
    conflictPolicy: createConflictPolicy(deps),
    idempotency: createIdempotencyStore({ records, fileIds, now, leaseMs }),
    directUploads: createDirectUploads(deps, now),
    uploadSessions: createUploadSessions({
      ...deps,
      ...chunkOption,
      sendGraceMs: driveTimeouts?.sendGrace,
    }),
    uploadLengths: createUploadLengths(lengths),
  }
}
