/** Requests to Drive over kept-alive connections, each phase of them with a limit of its own. */
import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { GatewayError } from '../../errors.ts'
import { startTimer } from '../../lib/inactivity-timeout.ts'
import type { Timer } from '../../lib/inactivity-timeout.ts'

export interface DriveRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  url: string
  headers: Record<string, string>
  /** Sent in order, with their summed length declared; they stay the caller's. */
  body?: readonly Buffer[]
}

export interface DriveAnswer {
  status: number
  headers: Record<string, string | undefined>
  body: string
}

/**
 * Sends one request, once, and follows no redirect.
 *
 * @throws {GatewayError} `drive_timeout` when a phase takes too long, `drive_unavailable` when the
 *   connection breaks; both may be tried again
 * @throws the signal's reason when it aborts
 */
export type Send = (request: DriveRequest, signal?: AbortSignal) => Promise<DriveAnswer>

export interface Timeouts {
  /** Milliseconds until a connection stands. */
  connect: number
  /** Milliseconds without any byte of the body going out. */
  progress: number
  /** Milliseconds from the body's last byte to the answer's last. */
  answer: number
}

const defaultTimeouts: Timeouts = { connect: 5_000, progress: 20_000, answer: 60_000 }

/** Answers are small JSON; a longer one counts as one that says nothing. */
const answerBytes = 1024 * 1024
/** How much is handed to the socket at a time: what a timeout calls progress. */
const strideBytes = 512 * 1024

/** @param maxConnections to Drive at once; further requests wait for one */
export function createSend(timeouts: Partial<Timeouts> = {}, maxConnections = 512): Send {
  const limits = { ...defaultTimeouts, ...timeouts }
  const agentOptions = { keepAlive: true, maxSockets: maxConnections, maxFreeSockets: 64 }
  const agents = { http: new HttpAgent(agentOptions), https: new HttpsAgent(agentOptions) }

  return ({ method, url, headers, body = [] }, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) throw toError(signal.reason)
      const { secure, hostname, port, path } = addressOf(url)
      const length = body.reduce((sum, piece) => sum + piece.length, 0)
      const req = (secure ? httpsRequest : httpRequest)({
        method,
        hostname,
        port,
        path,
        agent: secure ? agents.https : agents.http,
        headers: { ...headers, ...(method === 'GET' ? {} : { 'content-length': length }) },
      })

      let timer: Timer | undefined
      let allowed: keyof Timeouts | undefined
      let answered = false
      let settled = false
      const allow = (phase: keyof Timeouts): void => {
        if (settled) return
        if (phase === allowed) return timer?.restart()
        timer?.stop()
        allowed = phase
        timer = startTimer(limits[phase], () => {
          fail(new GatewayError('drive_timeout', `Drive took too long in phase ${phase}`))
        })
      }
      const settle = (): void => {
        settled = true
        timer?.stop()
        signal?.removeEventListener('abort', onAbort)
      }
      const fail = (error: unknown): void => {
        if (settled) return
        settle()
        reject(signal?.aborted ? toError(signal.reason) : asDriveError(error))
        req.destroy()
      }
      const onAbort = (): void => fail(toError(signal?.reason))
      signal?.addEventListener('abort', onAbort, { once: true })

      req.on('error', fail)
      req.once('socket', (socket) => {
        if (socket.connecting) {
          allow('connect')
          socket.once(secure ? 'secureConnect' : 'connect', () => void sendBody())
        } else void sendBody()
      })
      const sendBody = async (): Promise<void> => {
        for (const { pieces, isLast } of strides(body)) {
          allow('progress')
          if (isLast) {
            req.cork()
            for (const piece of pieces) req.write(piece)
            break
          }
          await write(req, pieces)
          if (answered || settled) return
        }
        allow('progress')
        req.end(() => allow('answer'))
      }
      req.once('response', (response) => {
        // An answer before the body's end ends the body: Drive has made up its mind.
        answered = true
        allow('answer')
        const parts: Buffer[] = []
        let size = 0
        const end = (): void => {
          if (settled) return
          settle()
          resolve(readAnswer(response, size > answerBytes ? [] : parts))
          if (!req.writableFinished) req.destroy()
        }
        response.on('data', (part: Buffer) => {
          size += part.length
          if (size <= answerBytes) parts.push(part)
          else {
            end()
            req.destroy()
          }
        })
        response.once('end', end).on('error', fail)
      })
    })
}

/** Where a request goes; most go to the same few addresses. */
function addressOf(url: string): {
  secure: boolean
  hostname: string
  port: string | undefined
  path: string
} {
  const [, scheme, hostname = '', port, path = ''] =
    /^(https?):\/\/(\[[\da-f:.]+\]|[^/:?#@[\]]+)(?::(\d+))?(\/[^#]*)?$/i.exec(url) ?? []
  if (scheme === undefined) throw new TypeError('Cannot send a request to no address')
  return {
    secure: scheme.toLowerCase() === 'https',
    hostname: hostname.startsWith('[') ? hostname.slice(1, -1) : hostname,
    port,
    path: path === '' ? '/' : path,
  }
}

/** The body a stride at a time. */
function* strides(
  body: readonly Buffer[],
): Generator<{ pieces: Buffer[]; isLast: boolean }, void, undefined> {
  let pieces: Buffer[] = []
  let size = 0
  for (const piece of body) {
    if (size >= strideBytes) {
      yield { pieces, isLast: false }
      pieces = []
      size = 0
    }
    pieces.push(piece)
    size += piece.length
  }
  if (size > 0) yield { pieces, isLast: true }
}

/** Resolves when there is room for more; also when there never will be: 'error' tells why. */
function write(req: ClientRequest, pieces: readonly Buffer[]): Promise<void> | undefined {
  let room = true
  req.cork()
  for (const piece of pieces) room = req.write(piece)
  req.uncork()
  if (room) return undefined
  return new Promise((resolve) => {
    const done = (): void => {
      req.off('drain', done).off('close', done)
      resolve()
    }
    req.once('drain', done).once('close', done)
  })
}

function readAnswer(response: IncomingMessage, parts: Buffer[]): DriveAnswer {
  const headers: Record<string, string | undefined> = {}
  for (const [name, value] of Object.entries(response.headers)) headers[name] = String(value)
  return { status: response.statusCode ?? 0, headers, body: Buffer.concat(parts).toString('utf8') }
}

function asDriveError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error
  return new GatewayError('drive_unavailable', 'The connection to Drive broke', { cause: error })
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('Aborted', { cause: reason })
}
