/** Requests to Drive over kept-alive connections, each phase of them with a limit of its own. */
import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { GatewayError } from '../errors.ts'

export interface DriveRequest {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
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
 *   connection breaks, `upstream_bad_response` when the answer is too long; all may be tried again
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

/** Answers are small JSON; more is a mistake. */
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

      let timer: NodeJS.Timeout
      const allow = (phase: keyof Timeouts): void => {
        clearTimeout(timer)
        timer = setTimeout(() => {
          fail(new GatewayError('drive_timeout', `Drive took too long in phase ${phase}`))
        }, limits[phase])
      }
      const fail = (error: unknown): void => {
        clearTimeout(timer)
        reject(signal?.aborted ? toError(signal.reason) : asDriveError(error))
        req.destroy()
      }

      allow('connect')
      req.on('error', fail)
      req.once('response', (response) => {
        // An answer before the body's end ends the body: Drive has made up its mind.
        allow('answer')
        readAnswer(response).then((answer) => {
          clearTimeout(timer)
          resolve(answer)
          if (!req.writableFinished) req.destroy()
        }, fail)
      })
      req.once('socket', (socket) => {
        if (!socket.connecting) return sendBody()
        socket.once(secure ? 'secureConnect' : 'connect', sendBody)
      })
      const sendBody = (): void => {
        writeBody(req, body, () => allow('progress')).then(
          () => allow('answer'),
          () => {}, // the request's own 'error' tells why
        )
      }
    })
}

async function writeBody(
  req: ClientRequest,
  body: readonly Buffer[],
  onProgress: () => void,
): Promise<void> {
  onProgress()
  let at = 0
  while (at < body.length && !req.destroyed) {
    let stride = 0
    let room = true
    req.cork()
    for (; at < body.length && stride < strideBytes; at++) {
      const piece = body[at] as Buffer
      stride += piece.length
      room = req.write(piece)
    }
    req.uncork()
    if (!room) await drained(req)
    onProgress()
  }
  await new Promise<void>((resolve) => req.end(resolve))
}

function drained(req: ClientRequest): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      req.off('drain', done).off('close', gone)
      resolve()
    }
    const gone = (): void => {
      req.off('drain', done)
      reject(new Error('Request closed'))
    }
    req.once('drain', done).once('close', gone)
  })
}

async function readAnswer(response: IncomingMessage): Promise<DriveAnswer> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of response as AsyncIterable<Buffer>) {
    size += part.length
    if (size > answerBytes) {
      throw new GatewayError('upstream_bad_response', 'Drive’s answer is too long')
    }
    parts.push(part)
  }
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
