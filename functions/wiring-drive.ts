/** The Drive room, put together: the stream, and what is there already. */
import type { Config } from './config.ts'
import { createAttempts, isAttemptRecord } from './drive/attempts.ts'
import type { AttemptRecord, Attempts } from './drive/attempts.ts'
import { createBudget } from './drive/budget.ts'
import { createConfines } from './drive/confine.ts'
import type { Confines } from './drive/confine.ts'
import { createDirectUploads } from './drive/direct.ts'
import type { DirectUploads } from './drive/direct.ts'
import { createDownloads } from './drive/download.ts'
import type { Downloads } from './drive/download.ts'
import type { Files } from './drive/files.ts'
import { createFolders, isFolderReservation } from './drive/folders.ts'
import type { FolderReservation, Folders } from './drive/folders.ts'
import { createGoogleFiles } from './drive/google-files.ts'
import { createIds, reserveAt } from './drive/ids.ts'
import { createMeter } from './drive/metered.ts'
import type { Wait } from './drive/patience.ts'
import { createPlaces } from './drive/place.ts'
import type { Places } from './drive/place.ts'
import { createReceive } from './drive/receive.ts'
import { createResumes } from './drive/resume.ts'
import type { Resumes } from './drive/resume.ts'
import { createSend } from './drive/transport.ts'
import type { Timeouts } from './drive/transport.ts'
import { createUploads } from './drive/upload.ts'
import type { Uploads } from './drive/upload.ts'
import { createFirestoreRecords } from './firestore-records.ts'
import type { Log } from './http/log.ts'
import type { Telemetry } from './telemetry.ts'
import type { Clients } from './wiring-clients.ts'

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
