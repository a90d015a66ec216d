/** Answers from Drive that are longer than memory: sent for once, and read as they come. */
import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { GatewayError } from '../../errors.ts'
import { startTimer } from '../../lib/inactivity-timeout.ts'
import type { DriveAnswer, DriveRequest } from './transport.ts'

export interface Received extends Pick<DriveAnswer, 'status' | 'headers'> {
  /**
   * The body, no faster than it is asked for; whoever stops asking closes the connection.
   *
   * @throws {GatewayError} `drive_timeout` when nothing comes for a while, `drive_unavailable` when
   *   the connection breaks before the answer's own end
   */
  body: AsyncIterable<Buffer>
  /** For whoever asks for none of the body. */
  close(): void
}

/**
 * Sends one request without a body, once, and follows no redirect.
 *
 * @throws {GatewayError} `drive_timeout`, `drive_unavailable`; both may be tried again
 * @throws the signal's reason when it aborts, the body too
 */
export type Receive = (
  request: Pick<DriveRequest, 'url' | 'headers'>,
  signal: AbortSignal,
) => Promise<Received>

export interface ReceiveTimeouts {
  /** Milliseconds from the request to the answer's headers. */
  answer?: number | undefined
  /** Milliseconds of waiting for the next bytes of a body. */
  silence?: number | undefined
}

/** @param maxConnections to Drive at once; uploads have their own */
export function createReceive(
  { answer = 20_000, silence = 12_000 }: ReceiveTimeouts = {},
  maxConnections = 256,
): Receive {
  const agentOptions = { keepAlive: true, maxSockets: maxConnections, maxFreeSockets: 16 }
  const agents = { http: new HttpAgent(agentOptions), https: new HttpsAgent(agentOptions) }

  return ({ url, headers }, signal) =>
    new Promise((resolve, reject) => {
      const secure = url.startsWith('https:')
      const req = (secure ? httpsRequest : httpRequest)(url, {
        agent: secure ? agents.https : agents.http,
        // What is sent packed could be neither measured nor gone on with.
        headers: { ...headers, 'accept-encoding': 'identity' },
        signal,
      })
      const timer = startTimer(answer, () => {
        req.destroy(new GatewayError('drive_timeout', 'Drive did not begin to answer'))
      })
      req.once('close', () => timer.stop())
      req.on('error', (error) => reject(toDriveError(error, signal)))
      req.once('response', (response) => {
        timer.stop()
        resolve({
          status: response.statusCode ?? 0,
          headers: readHeaders(response),
          body: readBody(response, silence, signal),
          close: () => void response.destroy(),
        })
      })
      req.end()
    })
}

async function* readBody(
  response: IncomingMessage,
  silenceMs: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const pieces = response[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>
  const next = async (): Promise<IteratorResult<Buffer, undefined>> => {
    // The clock runs only while we wait for Drive: a slow reader is not Drive's fault.
    const timer = startTimer(silenceMs, () => {
      response.destroy(new GatewayError('drive_timeout', 'Drive stopped in mid-answer'))
    })
    try {
      return await pieces.next()
    } catch (error) {
      throw toDriveError(error, signal)
    } finally {
      timer.stop()
    }
  }
  try {
    for (let piece = await next(); !piece.done; piece = await next()) yield piece.value
  } finally {
    response.destroy()
  }
}

/** The text of an answer that is an error, or as much of it as an error has. */
export async function readText({ body }: Received): Promise<string> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of body) {
    parts.push(part)
    size += part.length
    if (size > 64 * 1024) break
  }
  return Buffer.concat(parts).toString('utf8')
}

function readHeaders(response: IncomingMessage): Record<string, string | undefined> {
  const headers: Record<string, string | undefined> = {}
  for (const [name, value] of Object.entries(response.headers)) headers[name] = String(value)
  return headers
}

function toDriveError(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason
  if (error instanceof GatewayError) return error
  return new GatewayError('drive_unavailable', 'The connection to Drive broke', { cause: error })
}
