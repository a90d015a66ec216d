/**
 * Configures Uppy: tus with retries, persistence across reloads, and a lock so that two tabs never
 * resume the same upload.
 */
import Uppy from '@uppy/core'
import GoldenRetriever from '@uppy/golden-retriever'
import Tus from '@uppy/tus'
import type { TusBody } from '@uppy/tus'
import type { HttpResponse } from 'tus-js-client'
import { parseJsonObject } from '../api/problem.ts'
import { createFinishedJournal } from './finished-journal.ts'
import type { FinishedJournal } from './finished-journal.ts'
import { createHttpStack, uploadIdHeader } from './http-stack.ts'
import type { GatewayHttpStack } from './http-stack.ts'

/** The first four are sent as `Upload-Metadata` of tus; '' for none. */
export type UploadMeta = {
  filename: string
  filetype: string
  folder: string
  path: string
  folderName: string
  /** Unique per upload: Uppy derives file ids from it. */
  relativePath: string
}

type UppyInstance = Uppy<UploadMeta, TusBody>

export interface UppyClientOptions {
  /** The gateway's origin. */
  readonly gateway: string
  readonly account: string
  readonly headers: () => Readonly<Record<string, string>>
  /** Maximum bytes per request to the gateway; `null` for no limit. */
  readonly maxRequestBytes: number | null
  /** Called when an upload's connection failed and a retry is scheduled. */
  readonly onDisconnect: (id: string) => void
}

export interface UppyClient {
  readonly uppy: UppyInstance
  readonly httpStack: GatewayHttpStack
  /** Whether these uploads are restored after a reload. */
  readonly isPersistent: boolean
  /** The uploads that have finished since Uppy last persisted its state. */
  readonly finishedJournal: FinishedJournal | undefined
  /** Resolves when the current state is persisted for the next page. */
  persisted(): Promise<void>
}

const mebibyte = 1024 * 1024
const chunkBytes = 16 * mebibyte
const directChunkBytes = 64 * mebibyte
/** Larger files are sent directly to Drive where possible, which offloads the gateway. */
const directThresholdBytes = 32 * mebibyte

/** Maximum size of a file that is copied into IndexedDB for a reload. */
export const maxPersistedFileBytes = 128 * mebibyte
const maxPersistedTotalBytes = 1024 * mebibyte
/** Matches the time for which the gateway can resume an upload. */
const persistedTtlMs = 6 * 24 * 60 * 60 * 1000

const maxConcurrentUploads = 3
/** Short delays first, then 15 s for half an hour. The `online` event retries immediately. */
const retryDelays = [500, 1000, 2000, 4000, 8000, ...Array.from({ length: 120 }, () => 15_000)]
const persistIntervalMs = 600 // Golden Retriever persists changes twice per second
const startupTimeoutMs = 3_000 // for another tab's lock, and for restoring persisted uploads

export async function createUppyClient(options: UppyClientOptions): Promise<UppyClient> {
  const { account, gateway, headers, maxRequestBytes, onDisconnect } = options
  const id = `driveway-${account}`
  const isPersistent = await acquireTabLock(id)
  const uppy: UppyInstance = new Uppy({ id, logger: noopLogger })
  const httpStack = createHttpStack({
    chunkBytes: Math.min(chunkBytes, floorToUnit((maxRequestBytes ?? Infinity) - mebibyte)),
    directChunkBytes,
  })
  uppy.use(Tus, {
    endpoint: `${gateway}/upload/tus`,
    httpStack,
    limit: maxConcurrentUploads,
    retryDelays,
    allowedMetaFields: ['filename', 'filetype', 'folder', 'path'],
    headers: (file) => ({
      ...headers(),
      [uploadIdHeader]: file.id,
      ...((file.size ?? 0) > directThresholdBytes ? { 'Driveway-Direct': '1' } : {}),
    }),
    storeFingerprintForResuming: false, // Golden Retriever persists the upload URL with its file
    onShouldRetry(error, _attempt, _options, shouldRetry) {
      if (!isRetryable(error.originalResponse) || !shouldRetry(error)) return false
      onDisconnect(error.originalRequest.getHeader(uploadIdHeader) ?? '')
      return true
    },
  })
  if (isPersistent) await enablePersistence(uppy, id)
  const persisted = (): Promise<void> =>
    new Promise((resolve) => setTimeout(resolve, isPersistent ? persistIntervalMs : 0))
  const finishedJournal = isPersistent
    ? createFinishedJournal(`${id}-finished`, persistIntervalMs)
    : undefined
  return { uppy, httpStack, isPersistent, finishedJournal, persisted }
}

/** Waits until the uploads of an earlier page are restored: that replaces files added before. */
async function enablePersistence(uppy: UppyInstance, id: string): Promise<void> {
  const restored = new Promise<void>((resolve) => {
    uppy.once('restored', () => resolve())
    setTimeout(resolve, startupTimeoutMs)
  })
  // The plugin's types omit these options of its IndexedDB store.
  const indexedDB: object = {
    maxFileSize: maxPersistedFileBytes,
    maxTotalSize: maxPersistedTotalBytes,
    expires: persistedTtlMs,
  }
  uppy.use(GoldenRetriever, { expires: persistedTtlMs, indexedDB })
  const key = `${id}-persistent`
  if (localStorage.getItem(key) !== null) await restored
  localStorage.setItem(key, '')
}

/** Holds a Web Lock for the lifetime of the page. @returns false when another tab holds it */
function acquireTabLock(name: string): Promise<boolean> {
  const { locks } = navigator as { locks?: LockManager }
  if (!locks) return Promise.resolve(true)
  return new Promise((resolve) => {
    const hold = (): Promise<never> => {
      resolve(true)
      return new Promise(() => {})
    }
    // The previous page of this tab may release its lock with a delay.
    const signal = AbortSignal.timeout(startupTimeoutMs)
    locks.request(name, { signal }, hold).catch(() => resolve(false))
  })
}

/** Whether a retry may succeed, by the problem's `retryable` field. */
function isRetryable(response: HttpResponse | null): boolean {
  return response === null || parseJsonObject(response.getBody())['retryable'] !== false
}

/** Rounds down to a multiple of 256 KiB, the unit of Drive's chunks. */
function floorToUnit(bytes: number): number {
  const unit = 256 * 1024
  return Math.max(unit, Math.floor(bytes / unit) * unit)
}

const noopLogger = { debug: () => {}, warn: () => {}, error: () => {} }
