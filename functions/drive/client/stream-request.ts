/** Streaming GET client with an idle timeout, for responses larger than memory. */
import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { GatewayError } from '../../errors.ts'
import { startInactivityTimeout } from '../../lib/inactivity-timeout.ts'
import { readHeaders, toDriveError } from './transport.ts'
import type { DriveRequest, DriveResponse } from './transport.ts'

export interface StreamResponse extends Pick<DriveResponse, 'status' | 'headers'> {
  /**
   * The body, read with backpressure. Ending the iteration early closes the connection.
   *
   * @throws {GatewayError} `drive_timeout` when the idle timeout expires, `drive_unavailable` when
   *   the connection breaks before the response is complete
   */
  body: AsyncIterable<Buffer>
  /** Closes the connection of a response whose body is not read. */
  close(): void
}

/**
 * Sends one request without a body, once, and follows no redirect.
 *
 * @throws {GatewayError} `drive_timeout`, `drive_unavailable`; both are transient
 * @throws the signal's reason when it aborts; so does the body
 */
export type StreamRequest = (
  request: Pick<DriveRequest, 'url' | 'headers'>,
  signal: AbortSignal,
) => Promise<StreamResponse>

/** Timeouts in milliseconds. */
export interface StreamTimeouts {
  /** From the request to the response headers. */
  headers?: number | undefined
  /** Waiting for the next bytes of a body. */
  idle?: number | undefined
}

/** @param maxConnections concurrent connections to Drive; uploads have their own */
export function createStreamRequest(
  { headers: headersTimeoutMs = 20_000, idle: idleTimeoutMs = 12_000 }: StreamTimeouts = {},
  maxConnections = 256,
): StreamRequest {
  const agentOptions = { keepAlive: true, maxSockets: maxConnections, maxFreeSockets: 16 }
  const agents = { http: new HttpAgent(agentOptions), https: new HttpsAgent(agentOptions) }

  return ({ url, headers }, signal) =>
    new Promise((resolve, reject) => {
      const secure = url.startsWith('https:')
      const req = (secure ? httpsRequest : httpRequest)(url, {
        agent: secure ? agents.https : agents.http,
        // A compressed body could be neither measured nor resumed.
        headers: { ...headers, 'accept-encoding': 'identity' },
        signal,
      })
      const timeout = startInactivityTimeout(headersTimeoutMs, () => {
        req.destroy(new GatewayError('drive_timeout', 'Drive sent no response headers in time'))
      })
      req.once('close', () => timeout.stop())
      req.on('error', (error) => reject(toError(error, signal)))
      req.once('response', (response) => {
        timeout.stop()
        resolve({
          status: response.statusCode ?? 0,
          headers: readHeaders(response),
          body: readBody(response, idleTimeoutMs, signal),
          close: () => void response.destroy(),
        })
      })
      req.end()
    })
}

async function* readBody(
  response: IncomingMessage,
  idleTimeoutMs: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const pieces = response[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>
  const next = async (): Promise<IteratorResult<Buffer, undefined>> => {
    // The timeout runs only while the gateway waits for Drive, and not while the client is slow.
    const timeout = startInactivityTimeout(idleTimeoutMs, () => {
      response.destroy(new GatewayError('drive_timeout', 'Drive stopped sending the response'))
    })
    try {
      return await pieces.next()
    } catch (error) {
      throw toError(error, signal)
    } finally {
      timeout.stop()
    }
  }
  try {
    for (let piece = await next(); !piece.done; piece = await next()) yield piece.value
  } finally {
    response.destroy()
  }
}

/** Reads the body of an error response as text, up to 64 KiB. */
export async function readText({ body }: StreamResponse): Promise<string> {
  const pieces: Buffer[] = []
  let size = 0
  for await (const piece of body) {
    pieces.push(piece)
    size += piece.length
    if (size > 64 * 1024) break
  }
  return Buffer.concat(pieces).toString('utf8')
}

function toError(error: unknown, signal: AbortSignal): unknown {
  return signal.aborted ? signal.reason : toDriveError(error)
}
