/** Long answers: written no faster than their reader takes them. */
import type { ServerResponse } from 'node:http'
import { GatewayError } from '../errors.ts'

/**
 * Writes what comes and ends the answer. Where it throws the answer has no end, and whoever called
 * the handler breaks the connection off.
 *
 * @param idle milliseconds that the reader may take nothing
 * @throws {GatewayError} `too_slow`, or whatever the source throws
 */
export async function sendStream(
  res: ServerResponse,
  source: AsyncIterable<Buffer | string>,
  idle: number,
): Promise<void> {
  for await (const piece of source) {
    if (res.write(piece)) continue
    if (!(await drained(res, idle))) throw new GatewayError('too_slow', 'The reader stands still')
  }
  res.end()
}

/** @returns false when the reader took nothing, or is gone */
function drained(res: ServerResponse, idle: number): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (isDrained: boolean): void => {
      clearTimeout(timer)
      res.off('drain', onDrain).off('close', onGone)
      resolve(isDrained)
    }
    const onDrain = (): void => settle(true)
    const onGone = (): void => settle(false)
    const timer = setTimeout(onGone, idle)
    res.once('drain', onDrain).once('close', onGone)
    if (res.destroyed) onGone()
  })
}
