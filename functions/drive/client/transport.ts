/** HTTP client for Drive: keep-alive connections, and a timeout for each phase of a request. */
import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { GatewayError } from '../../errors.ts'
import { startInactivityTimeout } from '../../lib/inactivity-timeout.ts'
import type { InactivityTimeout } from '../../lib/inactivity-timeout.ts'

export interface DriveRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  url: string
  headers: Record<string, string>
  /** Sent in order, with their total length as Content-Length. The caller keeps the buffers. */
  body?: readonly Buffer[]
}

export interface DriveResponse {
  status: number
  headers: Record<string, string | undefined>
  body: string
}

/**
 * Sends one request, once, and follows no redirect.
 *
 * @throws {GatewayError} `drive_timeout` when a phase exceeds its timeout, `drive_unavailable` when the
 *   connection breaks; both are transient
 * @throws the signal's reason when it aborts
 */
export type Send = (request: DriveRequest, signal?: AbortSignal) => Promise<DriveResponse>

/** Timeouts in milliseconds. */
export interface Timeouts {
  /** Until the connection is established. */
  connect: number
  /** Without any byte of the request body being sent. */
  progress: number
  /** From the last byte of the request body to the last byte of the response. */
  response: number
}

const defaultTimeouts: Timeouts = { connect: 5_000, progress: 20_000, response: 60_000 }

/** Responses are small JSON. The body of a longer one is discarded. */
const maxResponseBytes = 1024 * 1024
/** Bytes per write to the socket; each completed write restarts the progress timeout. */
const writeBytes = 512 * 1024

/** @param maxConnections concurrent connections to Drive; further requests wait for one */
export function createSend(timeouts: Partial<Timeouts> = {}, maxConnections = 512): Send {
  const limits = { ...defaultTimeouts, ...timeouts }
  const agentOptions = { keepAlive: true, maxSockets: maxConnections, maxFreeSockets: 64 }
  const agents = { http: new HttpAgent(agentOptions), https: new HttpsAgent(agentOptions) }

  return ({ method, url, headers, body = [] }, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) throw toError(signal.reason)
      const { secure, hostname, port, path } = parseUrl(url)
      const length = body.reduce((sum, piece) => sum + piece.length, 0)
      const req = (secure ? httpsRequest : httpRequest)({
        method,
        hostname,
        port,
        path,
        agent: secure ? agents.https : agents.http,
        headers: { ...headers, ...(method === 'GET' ? {} : { 'content-length': length }) },
      })

      let timeout: InactivityTimeout | undefined
      let currentPhase: keyof Timeouts | undefined
      let hasResponse = false
      let settled = false
      const enter = (phase: keyof Timeouts): void => {
        if (settled) return
        if (phase === currentPhase) return timeout?.restart()
        timeout?.stop()
        currentPhase = phase
        timeout = startInactivityTimeout(limits[phase], () => {
          fail(
            new GatewayError(
              'drive_timeout',
              `Drive exceeded the ${phase} timeout of ${limits[phase]} ms`,
            ),
          )
        })
      }
      const settle = (): void => {
        settled = true
        timeout?.stop()
        signal?.removeEventListener('abort', onAbort)
      }
      const fail = (error: unknown): void => {
        if (settled) return
        settle()
        reject(signal?.aborted ? toError(signal.reason) : toDriveError(error))
        req.destroy()
      }
      const onAbort = (): void => fail(toError(signal?.reason))
      signal?.addEventListener('abort', onAbort, { once: true })

      req.on('error', fail)
      req.once('socket', (socket) => {
        if (socket.connecting) {
          enter('connect')
          socket.once(secure ? 'secureConnect' : 'connect', () => void sendBody())
        } else void sendBody()
      })
      const sendBody = async (): Promise<void> => {
        for (const { pieces, isLast } of writeBatches(body)) {
          enter('progress')
          if (isLast) {
            req.cork()
            for (const piece of pieces) req.write(piece)
            break
          }
          await write(req, pieces)
          if (hasResponse || settled) return
        }
        enter('progress')
        req.end(() => enter('response'))
      }
      req.once('response', (response) => {
        // A response before the end of the request body is final: the rest of the body is not sent.
        hasResponse = true
        enter('response')
        const parts: Buffer[] = []
        let size = 0
        const end = (): void => {
          if (settled) return
          settle()
          resolve(readResponse(response, size > maxResponseBytes ? [] : parts))
          if (!req.writableFinished) req.destroy()
        }
        response.on('data', (part: Buffer) => {
          size += part.length
          if (size <= maxResponseBytes) parts.push(part)
          else {
            end()
            req.destroy()
          }
        })
        response.once('end', end).on('error', fail)
      })
    })
}

/** Splits a URL; faster than `new URL`, once per request. */
function parseUrl(url: string): {
  secure: boolean
  hostname: string
  port: string | undefined
  path: string
} {
  const [, scheme, hostname = '', port, path = ''] =
    /^(https?):\/\/(\[[\da-f:.]+\]|[^/:?#@[\]]+)(?::(\d+))?(\/[^#]*)?$/i.exec(url) ?? []
  if (scheme === undefined) throw new TypeError('Cannot send a request to an invalid URL')
  return {
    secure: scheme.toLowerCase() === 'https',
    hostname: hostname.startsWith('[') ? hostname.slice(1, -1) : hostname,
    port,
    path: path === '' ? '/' : path,
  }
}

/** Splits a body into batches of about `writeBytes`. */
function* writeBatches(
  body: readonly Buffer[],
): Generator<{ pieces: Buffer[]; isLast: boolean }, void, undefined> {
  let pieces: Buffer[] = []
  let size = 0
  for (const piece of body) {
    if (size >= writeBytes) {
      yield { pieces, isLast: false }
      pieces = []
      size = 0
    }
    pieces.push(piece)
    size += piece.length
  }
  if (size > 0) yield { pieces, isLast: true }
}

/** Resolves when the socket accepts more, or when it closes; then 'error' has the reason. */
function write(req: ClientRequest, pieces: readonly Buffer[]): Promise<void> | undefined {
  let hasCapacity = true
  req.cork()
  for (const piece of pieces) hasCapacity = req.write(piece)
  req.uncork()
  if (hasCapacity) return undefined
  return new Promise((resolve) => {
    const done = (): void => {
      req.off('drain', done).off('close', done)
      resolve()
    }
    req.once('drain', done).once('close', done)
  })
}

function readResponse(response: IncomingMessage, parts: Buffer[]): DriveResponse {
  const body = Buffer.concat(parts).toString('utf8')
  return { status: response.statusCode ?? 0, headers: readHeaders(response), body }
}

export function readHeaders(response: IncomingMessage): DriveResponse['headers'] {
  const headers: DriveResponse['headers'] = {}
  for (const [name, value] of Object.entries(response.headers)) headers[name] = String(value)
  return headers
}

/** Maps a connection error to `drive_unavailable`; a `GatewayError` stays as it is. */
export function toDriveError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error
  return new GatewayError('drive_unavailable', 'The connection to Drive broke', { cause: error })
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('Aborted', { cause: reason })
}
