/**
 * SHA-256 of files, while they are being sent. The browser's own `digest` wants the whole file in
 * memory; this reads it piece by piece, beside the upload. Nothing waits for it at the start: it is
 * compared with Drive's at the end.
 */
import { hashOf } from './hash.ts'
import type { Answer, Question } from './hash.ts'

/**
 * @returns hex
 * @throws when the file can no longer be read, and the signal's reason
 */
export type DigestOf = (file: Blob, signal: AbortSignal) => Promise<string>

interface Asked {
  resolve(hex: string): void
  reject(reason: unknown): void
}

/** Why a file is to be hashed here after all. */
const noWorker = Symbol('no worker')

/**
 * Hashes in a worker. Where a page's policy allows none, or the script cannot be had, it is done
 * here, in pieces between which the page has its turn.
 *
 * @param origin what has the worker's script
 */
export function createDigests(origin: string): DigestOf {
  const asked = new Map<number, Asked>()
  let count = 0
  let worker: Worker | null | undefined

  function giveUp(): void {
    worker?.terminate()
    worker = null
    for (const { reject } of asked.values()) reject(noWorker)
    asked.clear()
  }

  function start(): Worker | null {
    try {
      const started = startWorker(`${origin}/digest.js`)
      started.addEventListener('error', giveUp)
      started.addEventListener('message', ({ data: { id, hex } }: MessageEvent<Answer>) => {
        const one = asked.get(id)
        asked.delete(id)
        if (hex === null) one?.reject(new Error('The file cannot be read'))
        else one?.resolve(hex)
      })
      return started
    } catch {
      return null
    }
  }

  function ask(there: Worker, file: Blob, signal: AbortSignal): Promise<string> {
    const id = ++count
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        asked.delete(id)
        there.postMessage({ id, file: null } satisfies Question)
        reject(signal.reason)
      }
      signal.addEventListener('abort', stop, { once: true })
      const ended = (): void => signal.removeEventListener('abort', stop)
      asked.set(id, {
        resolve: (hex) => (ended(), resolve(hex)),
        reject: (reason) => (ended(), reject(reason)),
      })
      there.postMessage({ id, file } satisfies Question)
    })
  }

  return async (file, signal) => {
    signal.throwIfAborted()
    worker ??= worker === null ? null : start()
    if (worker === null) return hashOf(file, signal)
    return ask(worker, file, signal).catch((reason: unknown) => {
      if (reason !== noWorker) throw reason
      return hashOf(file, signal)
    })
  }
}

/** A worker's script has to be of the page's own origin; what that loads need not be. */
function startWorker(script: string): Worker {
  if (new URL(script).origin === location.origin) return new Worker(script)
  const text = `importScripts(${JSON.stringify(script)})`
  const address = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }))
  const worker = new Worker(address)
  worker.addEventListener('message', () => URL.revokeObjectURL(address), { once: true })
  return worker
}
