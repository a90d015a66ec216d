import type { ServerResponse } from 'node:http'
import { GatewayError } from '../errors.ts'

/**
 * Writes a response body with backpressure and ends the response. After an error the response has no
 * end, and the router aborts the connection.
 *
 * @param idleTimeoutMs milliseconds in which the client must read from the response
 * @throws {GatewayError} `too_slow`, or an error of the source
 */
export async function writeStream(
  res: ServerResponse,
  source: AsyncIterable<Buffer | string>,
  idleTimeoutMs: number,
): Promise<void> {
  for await (const chunk of source) {
    if (res.write(chunk)) continue
    if (await waitForDrain(res, idleTimeoutMs)) continue
    throw new GatewayError('too_slow', `The client read nothing for ${idleTimeoutMs} ms`)
  }
  res.end()
}

/** @returns false after the timeout, and when the connection is closed */
function waitForDrain(res: ServerResponse, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (isDrained: boolean): void => {
      clearTimeout(timer)
      res.off('drain', onDrain).off('close', onClose)
      resolve(isDrained)
    }
    const onDrain = (): void => settle(true)
    const onClose = (): void => settle(false)
    const timer = setTimeout(onClose, timeoutMs)
    res.once('drain', onDrain).once('close', onClose)
    if (res.destroyed) onClose()
  })
}
