/** Request bodies: streamed without copying, with the faults of uploads, or parsed as JSON. */
import type { Exchange } from '../router.ts'
import { readBody } from '../router.ts'
import { cutConnection } from '../apply-fault.ts'
import { DriveError, badRequest } from './errors.ts'

/**
 * Passes each chunk of the body to `onChunk`, and pauses while that returns a pending promise.
 *
 * It uses data events because `for await` concatenates buffered chunks, which copies them.
 *
 * @returns true when the body is complete; false when the connection ended early
 */
export function streamBody(
  { req, fault }: Pick<Exchange, 'req' | 'fault'>,
  onChunk: (chunk: Buffer) => Promise<void> | undefined,
): Promise<boolean> {
  const cutAt = fault?.resetAfterBytes ?? Infinity
  const stallAt = fault?.stallAfterBytes ?? Infinity
  const stopAt = Math.min(cutAt, stallAt)
  return new Promise((resolve, reject) => {
    let received = 0
    const stop = (): void => {
      req.off('data', onData)
      if (cutAt > stallAt) {
        req.pause()
        return // until the client aborts
      }
      resolve(false)
      cutConnection(fault, req)
    }
    const onData = (chunk: Buffer): void => {
      const remaining = stopAt - received
      received += chunk.length
      let wait: Promise<void> | undefined
      try {
        wait = onChunk(chunk.length > remaining ? chunk.subarray(0, remaining) : chunk)
      } catch (error) {
        req.off('data', onData) // the remaining body is discarded
        reject(error)
        return
      }
      if (received >= stopAt) stop()
      else if (wait) {
        req.pause()
        wait.then(() => req.resume(), reject)
      }
    }
    req.once('end', () => resolve(req.complete))
    req.once('close', () => resolve(req.readableEnded && req.complete))
    req.once('error', () => resolve(false))
    if (req.destroyed && !req.readableEnded) resolve(false)
    else if (stopAt === 0) stop()
    else req.on('data', onData)
  })
}

/** Reads a JSON body: an object; an empty body counts as one without fields. */
export async function readJson(exchange: Exchange): Promise<Record<string, unknown>> {
  const body = await readBody(exchange.req, 4 * 1024 * 1024).catch((error: unknown) => {
    throw exchange.req.complete ? new DriveError(413, 'uploadTooLarge', 'Request Too Large') : error
  })
  return parseJson(body)
}

export function parseJson(body: Buffer): Record<string, unknown> {
  const text = body.toString('utf8')
  if (text.trim() === '') return {}
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new DriveError(400, 'parseError', 'Parse Error')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badRequest('Cannot read the metadata: it is not an object')
  }
  return value as Record<string, unknown>
}
