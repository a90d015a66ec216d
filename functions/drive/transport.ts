/** Requests to Drive over kept-alive connections, each phase of them with a limit of its own. */
import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { GatewayError } from '../errors.ts'

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
      const secure = url.startsWith('https:')
      const length = body.reduce((sum, piece) => sum + piece.length, 0)
      const req = (secure ? httpsRequest : httpRequest)(url, {
        method,
        agent: secure ? agents.https : agents.http,
        headers: { ...headers, ...(method === 'GET' ? {} : { 'content-length': length }) },
        ...(signal ? { signal } : {}),
      })

      let timer: NodeJS.Timeout | undefined
      let answered = false
      let settled = false
      const allow = (phase: keyof Timeouts): void => {
        clearTimeout(timer)
        if (settled) return
        timer = setTimeout(() => {
          fail(new GatewayError('drive_timeout', `Drive took too long in phase ${phase}`))
        }, limits[phase])
      }
      const settle = (): void => {
        settled = true
        clearTimeout(timer)
      }
      const fail = (error: unknown): void => {
        settle()
        reject(signal?.aborted ? toError(signal.reason) : asDriveError(error))
        req.destroy()
      }

      req.on('error', fail)
      req.once('socket', (socket) => {
        if (socket.connecting) {
          allow('connect')
          socket.once(secure ? 'secureConnect' : 'connect', () => void sendBody())
        } else void sendBody()
      })
      const sendBody = async (): Promise<void> => {
        for (const stride of strides(body)) {
          allow('progress')
          await write(req, stride)
          if (answered || settled) return
        }
        allow('progress')
        req.end(() => allow('answer'))
      }
      req.once('response', (response) => {
        // An answer before the body's end ends the body: Drive has made up its mind.
        answered = true
        allow('answer')
        readAnswer(response).then((answer) => {
          settle()
          resolve(answer)
          if (!req.writableFinished) req.destroy()
        }, fail)
      })
    })
}

/** The body a stride at a time. */
function* strides(body: readonly Buffer[]): Generator<Buffer[], void, undefined> {
  let stride: Buffer[] = []
  let size = 0
  for (const piece of body) {
    stride.push(piece)
    size += piece.length
    if (size < strideBytes) continue
    yield stride
    stride = []
    size = 0
  }
  if (size > 0) yield stride
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

async function readAnswer(response: IncomingMessage): Promise<DriveAnswer> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of response as AsyncIterable<Buffer>) {
    size += part.length
    if (size > answerBytes) break // and so closes the connection
    parts.push(part)
  }
  const headers: Record<string, string | undefined> = {}
  for (const [name, value] of Object.entries(response.headers)) headers[name] = String(value)
  const body = size > answerBytes ? '' : Buffer.concat(parts).toString('utf8')
  return { status: response.statusCode ?? 0, headers, body }
}

function asDriveError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error
  return new GatewayError('drive_unavailable', 'The connection to Drive broke', { cause: error })
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('Aborted', { cause: reason })
}
