/**
 * Uppy, put together: tus with its retries, what survives a reload, and one lock so that two tabs
 * never continue the same upload.
 */
import Uppy from '@uppy/core'
import type { UppyFile } from '@uppy/core'
import GoldenRetriever from '@uppy/golden-retriever'
import Tus from '@uppy/tus'
import type { TusBody } from '@uppy/tus'
import type { HttpResponse } from 'tus-js-client'
import { jsonObject } from '../api/problem.ts'
import { createOver } from './finished-journal.ts'
import type { Over } from './finished-journal.ts'
import { createStack, itemHeader } from './http-stack.ts'
import type { Stack } from './http-stack.ts'

/** The first four are `Upload-Metadata` of tus; '' for none. */
export type Meta = {
  filename: string
  filetype: string
  folder: string
  path: string
  /** The folder's name. */
  into: string
  /** Another one for each: what Uppy tells files by. */
  relativePath: string
}

export type Uploads = Uppy<Meta, TusBody>
export type Upload = UppyFile<Meta, TusBody>

export interface MechanicsOptions {
  /** The gateway's origin. */
  readonly gateway: string
  readonly account: string
  readonly headers: () => Readonly<Record<string, string>>
  /** Bytes that one request through the gateway may have; `null` where there is no limit. */
  readonly maxRequestBytes: number | null
  /** Called when an upload's connection broke, and it is about to be tried again. */
  readonly cut: (id: string) => void
}

export interface Mechanics {
  readonly uploads: Uploads
  readonly stack: Stack
  /** Whether a reload finds these uploads again. */
  readonly survives: boolean
  /** Of what survives, what is over by now. */
  readonly over: Over | undefined
  /** Resolves when how everything stands by now is written down for the next page. */
  noted(): Promise<void>
}

const mebibyte = 1024 * 1024
const pieceBytes = 16 * mebibyte
const directBytes = 64 * mebibyte
/** Beyond this, bytes go to Drive themselves where they can: it spares the gateway the work. */
const directFrom = 32 * mebibyte

/** Files that are kept for a reload: copies on the person's own disk, so not of everything. */
export const keptBytes = 128 * mebibyte
const allKeptBytes = 1024 * mebibyte
/** As long as an upload can be continued at the gateway. */
const keptMs = 6 * 24 * 60 * 60 * 1000

const atOnce = 3
/** Quick at first; then, for half an hour, now and then. Coming online again is quicker. */
const retryDelays = [500, 1000, 2000, 4000, 8000, ...Array.from({ length: 120 }, () => 15_000)]
const noteMs = 600 // what changed is written down twice a second
const patience = 3_000 // for another tab to end, and for what was kept to be read

export async function createMechanics(options: MechanicsOptions): Promise<Mechanics> {
  const { account, gateway, headers, maxRequestBytes, cut } = options
  const id = `driveway-${account}`
  const survives = await isOnlyTab(id)
  const uploads: Uploads = new Uppy({ id, logger: silent })
  const stack = createStack({
    pieceBytes: Math.min(pieceBytes, wholeUnits((maxRequestBytes ?? Infinity) - mebibyte)),
    directBytes,
  })
  uploads.use(Tus, {
    endpoint: `${gateway}/upload/tus`,
    httpStack: stack,
    limit: atOnce,
    retryDelays,
    allowedMetaFields: ['filename', 'filetype', 'folder', 'path'],
    headers: (file) => ({
      ...headers(),
      [itemHeader]: file.id,
      ...((file.size ?? 0) > directFrom ? { 'Driveway-Direct': '1' } : {}),
    }),
    storeFingerprintForResuming: false, // an upload's address is kept with its file, or not at all
    onShouldRetry(error, _attempt, _options, goesOn) {
      if (!mayHelp(error.originalResponse) || !goesOn(error)) return false
      cut(error.originalRequest.getHeader(itemHeader) ?? '')
      return true
    },
  })
  if (survives) await keep(uploads, id)
  const noted = (): Promise<void> =>
    new Promise((resolve) => setTimeout(resolve, survives ? noteMs : 0))
  const over = survives ? createOver(`${id}-over`, noteMs) : undefined
  return { uploads, stack, survives, over, noted }
}

/** Waits until what an earlier page left is there: it would overwrite what is added before. */
async function keep(uploads: Uploads, id: string): Promise<void> {
  const restored = new Promise<void>((resolve) => {
    uploads.once('restored', () => resolve())
    setTimeout(resolve, patience)
  })
  // Its types do not know that these options reach the store.
  const indexedDB: object = { maxFileSize: keptBytes, maxTotalSize: allKeptBytes, expires: keptMs }
  uploads.use(GoldenRetriever, { expires: keptMs, indexedDB })
  const key = `${id}-kept`
  if (localStorage.getItem(key) !== null) await restored
  localStorage.setItem(key, '')
}

/** Holds a lock for as long as the page lives. */
function isOnlyTab(name: string): Promise<boolean> {
  const { locks } = navigator as { locks?: LockManager }
  if (!locks) return Promise.resolve(true)
  return new Promise((resolve) => {
    const hold = (): Promise<never> => {
      resolve(true)
      return new Promise(() => {})
    }
    // An earlier page of this tab may need a moment to be gone.
    const signal = AbortSignal.timeout(patience)
    locks.request(name, { signal }, hold).catch(() => resolve(false))
  })
}

/** Whether asking again may be answered otherwise; a problem says so itself. */
function mayHelp(answer: HttpResponse | null): boolean {
  return answer === null || jsonObject(answer.getBody())['retryable'] !== false
}

function wholeUnits(bytes: number): number {
  const unit = 256 * 1024
  return Math.max(unit, Math.floor(bytes / unit) * unit)
}

const silent = { debug: () => {}, warn: () => {}, error: () => {} }
