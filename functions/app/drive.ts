/** The Drive room, put together: the stream, and what is there already. */
import type { Config } from '../config/config.ts'
import { createAttempts, isAttemptRecord } from '../drive/upload/idempotency.ts'
import type { AttemptRecord, Attempts } from '../drive/upload/idempotency.ts'
import { createBudget } from '../drive/upload/buffer-pool.ts'
import { createConfines } from '../drive/files/folder-ancestry.ts'
import type { Confines } from '../drive/files/folder-ancestry.ts'
import { createDirectUploads } from '../drive/upload/direct-upload.ts'
import type { DirectUploads } from '../drive/upload/direct-upload.ts'
import { createDownloads } from '../drive/files/download.ts'
import type { Downloads } from '../drive/files/download.ts'
import type { Files } from '../drive/files/listing.ts'
import { createFolders, isFolderReservation } from '../drive/files/folders.ts'
import type { FolderReservation, Folders } from '../drive/files/folders.ts'
import { createGoogleFiles } from '../drive/files/googleapis-files.ts'
import { createIds, reserveAt } from '../drive/upload/file-id-pool.ts'
import { createMeter } from '../drive/client/drive-telemetry.ts'
import type { Wait } from '../drive/client/retry.ts'
import { createPlaces } from '../drive/upload/conflict-policy.ts'
import type { Places } from '../drive/upload/conflict-policy.ts'
import { createReceive } from '../drive/client/stream-request.ts'
import { createResumes } from '../drive/upload/upload-session.ts'
import type { Resumes } from '../drive/upload/upload-session.ts'
import { createSend } from '../drive/client/transport.ts'
import type { Timeouts } from '../drive/client/transport.ts'
import { createUploads } from '../drive/upload/upload.ts'
import type { Uploads } from '../drive/upload/upload.ts'
import { createFirestoreRecords } from '../store/firestore-versioned-store.ts'
import type { Log } from '../http/log.ts'
import type { Telemetry } from '../telemetry/metrics.ts'
import type { Clients } from './clients.ts'

export interface DriveRoom {
  files: Files
  downloads: Downloads
  uploads: Uploads
  folders: Folders
  confines: Confines
  places: Places
  attempts: Attempts
  direct: DirectUploads
  resumes: Resumes
}

export interface DriveOptions {
  /** Bytes of every chunk to Drive; paced by rate and latency where it is not said. */
  chunkBytes?: number
  /** Waits between two tries at Drive. */
  wait?: Wait
  /** Milliseconds that Drive has for each phase of a request. */
  driveTimeouts?: Partial<Timeouts>
}

function metered<T>(plain: T, by: ((plain: T) => T) | undefined): T {
  return by ? by(plain) : plain
}

export function wireDrive(
  config: Config,
  { firestore, drive }: Clients,
  log: Log,
  now: () => number,
  options: DriveOptions,
  telemetry?: Telemetry,
): DriveRoom {
  const { chunkBytes, driveTimeouts } = options
  const meter = telemetry && createMeter(telemetry)
  const wait = meter ? meter.wait(options.wait) : options.wait
  const send = metered(createSend(driveTimeouts), meter?.send)
  const patient = wait === undefined ? {} : { wait }
  const chunked = chunkBytes === undefined ? {} : { chunkBytes }
  const root = config.google.drive
  const wholeDrive = config.accessProfile === 'full'
  const ids = createIds(reserveAt({ send, root, ...patient }))
  const parts = {
    send,
    ids,
    budget: metered(createBudget(config.memoryBytes), meter?.budget),
    root,
    ...patient,
    wholeDrive,
    onLeftBehind: (fileId: string, error: unknown) =>
      log.failure('upload left behind', error, { fileId }),
  }
  const { answer, progress: silence } = driveTimeouts ?? {}
  const receive = metered(createReceive({ answer, silence }), meter?.receive)
  const reservations = createFirestoreRecords<FolderReservation>(
    firestore,
    'folders',
    isFolderReservation,
  )
  const records = createFirestoreRecords<AttemptRecord>(firestore, 'attempts', isAttemptRecord)
  return {
    files: createGoogleFiles(drive, {
      ...patient,
      wholeDrive,
      answerMs: driveTimeouts?.answer,
      ...(meter ? { around: meter.ask } : {}),
    }),
    downloads: createDownloads({ ...parts, receive }),
    uploads: createUploads({ ...parts, ...chunked }),
    folders: createFolders({ ...parts, reservations }, now),
    confines: createConfines(parts, now),
    places: createPlaces(parts),
    attempts: createAttempts({ records, ids, now }),
    direct: createDirectUploads(parts, now),
    resumes: createResumes({ ...parts, ...chunked }),
  }
}
