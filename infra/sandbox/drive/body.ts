/** Request bodies on their way in: part by part, without a copy, with the faults of uploads. */
import type { Exchange } from '../router.ts'
import { readBody } from '../router.ts'
import { cutConnection } from '../apply-fault.ts'
import { DriveError, badRequest } from './errors.ts'

/**
 * Hands each part of the body to `take`, and waits whenever that returns a promise.
 *
 * Data events rather than `for await`: the iterator joins what has piled up, which is a copy.
 *
 * @returns true when the body came whole; false when the connection broke before its end
 */
export function flow(
  { req, fault }: Pick<Exchange, 'req' | 'fault'>,
  take: (part: Buffer) => Promise<void> | undefined,
): Promise<boolean> {
  const cutAt = fault?.resetAfterBytes ?? Infinity
  const stallAt = fault?.stallAfterBytes ?? Infinity
  const stopAt = Math.min(cutAt, stallAt)
  return new Promise((resolve, reject) => {
    let arrived = 0
    const stop = (): void => {
      req.off('data', onData)
      if (cutAt > stallAt) {
        req.pause()
        return // until the client gives up
      }
      resolve(false)
      cutConnection(fault, req)
    }
    const onData = (part: Buffer): void => {
      const room = stopAt - arrived
      arrived += part.length
      let wait: Promise<void> | undefined
      try {
        wait = take(part.length > room ? part.subarray(0, room) : part)
      } catch (error) {
        req.off('data', onData) // and let the rest run out
        reject(error)
        return
      }
      if (arrived >= stopAt) stop()
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

/** Reads a whole JSON body: an object, or nothing at all. */
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
    throw badRequest('Cannot read the metadata: it is no object')
  }
  return value as Record<string, unknown>
}
