/**
 * Computes SHA-256 of files during their upload. `crypto.subtle.digest` needs the whole file in memory;
 * this reads it in chunks. The digest is compared with Drive's when the upload completes.
 */
import { sha256Of } from './hash.ts'
import type { DigestRequest, DigestResponse } from './hash.ts'

/**
 * @returns hex
 * @throws when the file can no longer be read, and the signal's reason
 */
export type ComputeDigest = (file: Blob, signal: AbortSignal) => Promise<string>

interface PendingDigest {
  resolve(hex: string): void
  reject(reason: unknown): void
}

/** Rejection of a pending digest that falls back to the main thread. */
const workerUnavailable = Symbol('worker unavailable')

/**
 * Computes digests in a worker. Falls back to the main thread, in chunks, when the page's
 * Content-Security-Policy forbids workers or the script cannot be loaded.
 *
 * @param origin the origin that serves `/digest.js`
 */
export function createDigester(origin: string): ComputeDigest {
  const pending = new Map<number, PendingDigest>()
  let count = 0
  let worker: Worker | null | undefined

  function disableWorker(): void {
    worker?.terminate()
    worker = null
    for (const { reject } of pending.values()) reject(workerUnavailable)
    pending.clear()
  }

  function start(): Worker | null {
    try {
      const started = startWorker(`${origin}/digest.js`)
      started.addEventListener('error', disableWorker)
      started.addEventListener('message', ({ data: { id, hex } }: MessageEvent<DigestResponse>) => {
        const digest = pending.get(id)
        pending.delete(id)
        if (hex === null) digest?.reject(new Error('Cannot read the file'))
        else digest?.resolve(hex)
      })
      return started
    } catch {
      return null
    }
  }

  function request(target: Worker, file: Blob, signal: AbortSignal): Promise<string> {
    const id = ++count
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        pending.delete(id)
        target.postMessage({ id, file: null } satisfies DigestRequest)
        reject(signal.reason)
      }
      signal.addEventListener('abort', abort, { once: true })
      const cleanUp = (): void => signal.removeEventListener('abort', abort)
      pending.set(id, {
        resolve: (hex) => (cleanUp(), resolve(hex)),
        reject: (reason) => (cleanUp(), reject(reason)),
      })
      target.postMessage({ id, file } satisfies DigestRequest)
    })
  }

  return async (file, signal) => {
    signal.throwIfAborted()
    worker ??= worker === null ? null : start()
    if (worker === null) return sha256Of(file, signal)
    return request(worker, file, signal).catch((reason: unknown) => {
      if (reason !== workerUnavailable) throw reason
      return sha256Of(file, signal)
    })
  }
}

/** A worker script must be same-origin, but may import a script of another origin. */
function startWorker(scriptUrl: string): Worker {
  if (new URL(scriptUrl).origin === location.origin) return new Worker(scriptUrl)
  const text = `importScripts(${JSON.stringify(scriptUrl)})`
  const blobUrl = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }))
  const worker = new Worker(blobUrl)
  worker.addEventListener('message', () => URL.revokeObjectURL(blobUrl), { once: true })
  return worker
}
