/** A whole Driveway for a test: the gateway in this process, a sandbox Google beside it. */
import { request } from 'node:http'
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Http2Session } from 'node:http2'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { readConfig } from '../../functions/config/config.ts'
import { createServers } from '../../functions/http/h2c.ts'
import { createLog } from '../../functions/http/log.ts'
import { createGateway } from '../../functions/app/gateway.ts'
import type { Gateway, GatewayOptions } from '../../functions/app/gateway.ts'
import { mintToken, signIn } from '../../infra/local/sign-in.ts'
import type { Google, GoogleOptions } from '../../infra/sandbox/index.ts'
import { startGoogle } from '../../infra/sandbox/index.ts'
import { checkStore, overhear, overhearAnswer } from './secret-leaks.ts'

export interface Driveway {
  /** Where all four functions answer, `http://127.0.0.1:port`, over HTTP/1.1 and HTTP/2. */
  origin: string
  google: Google
  gateway: Gateway
  /** Every line logged so far, read back. */
  logs: Record<string, unknown>[]
  /** Every line logged so far, as written. */
  lines: string[]
  /** The first person's token, as an `Authorization` header. */
  bearer: Record<string, string>
  /** The first person's session, as a `Cookie` header. */
  session: Record<string, string>
  /** The first person's subject identifier. */
  sub: string
  close(): Promise<void>
}

export interface DrivewayOptions {
  gateway?: GatewayOptions
  google?: Partial<GoogleOptions>
  /** Further settings of the gateway, such as `ALLOWED_ORIGINS`. */
  env?: Record<string, string>
  /** A second gateway for the same Google and the same public address; nobody is signed in. */
  beside?: Driveway
  /** False leaves everybody signed out. */
  signedIn?: boolean
}

/** Tests ask more in a minute than people do; those of the limits set their own. */
const unlimited = { RATE_LIMIT: 'none', RATE_LIMIT_ANONYMOUS: 'none' }

export async function startDriveway(options: DrivewayOptions = {}): Promise<Driveway> {
  let gateway: Gateway | undefined
  const { http1: server, http2 } = createServers((req, res) => {
    listenTo(req, res)
    return gateway?.everything(req, res)
  })
  const sessions = new Set<Http2Session>()
  http2.on('session', (session) => sessions.add(session))
  const origin = await listen(server)
  const { beside } = options
  const google = beside?.google ?? (await startGoogle({ publicUrl: origin, ...options.google }))
  const lines: string[] = []
  gateway = createGateway(readConfig({ ...google.env, ...unlimited, ...options.env }), {
    signals: false,
    log: createLog('sandbox', (line) => {
      overhear('the log', line)
      lines.push(line)
    }),
    ...options.gateway,
  })
  gateway.adopt(server)
  gateway.adopt(http2)

  const driveway: Driveway = {
    origin,
    google,
    gateway,
    lines,
    get logs() {
      return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    },
    bearer: {},
    session: {},
    sub: google.oauth.users[0]?.sub ?? '',
    async close() {
      server.closeAllConnections()
      for (const session of sessions) session.destroy()
      await new Promise((resolve) => server.close(resolve))
      await gateway.stop() // what is being cleared away still needs Google
      if (!beside) await google.close()
      checkStore(google.firestore.dump())
    },
  }
  if (options.signedIn !== false && !beside) {
    const cookie = await signIn(origin, google.oauth.users[0]?.email ?? '')
    driveway.session = { cookie, origin }
    driveway.bearer = { authorization: `Bearer ${await mintToken(origin, cookie, 'test')}` }
  }
  return driveway
}

/** Hears what is answered in words; the bytes of files are nobody's business. */
function listenTo(req: IncomingMessage, res: ServerResponse): void {
  const path = req.url ?? ''
  const [write, end] = [res.write.bind(res), res.end.bind(res)] as [Write, Write]
  const heard = (chunk: unknown): void => {
    if (typeof chunk === 'string') overhearAnswer(path, chunk)
  }
  res.write = (...args: unknown[]) => {
    heard(args[0])
    return write(...args) as boolean
  }
  res.end = (...args: unknown[]) => {
    heard(args[0])
    return end(...args) as ServerResponse
  }
}

type Write = (...args: unknown[]) => unknown

export async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export interface RawAnswer {
  status: number
  headers: IncomingHttpHeaders
  body: string
}

/** One request as Node sends it: no header of fetch's own, any path, any cookie. */
export function send(
  origin: string,
  path: string,
  options: {
    method?: string
    headers?: Record<string, string | string[]>
    body?: Buffer | string
  } = {},
): Promise<RawAnswer> {
  const { method = 'GET', headers = {}, body } = options
  return new Promise((resolve, reject) => {
    const req = request(`${origin}/`, { path, method, headers, agent: false }, (res) => {
      const parts: Buffer[] = []
      res.on('data', (part: Buffer) => parts.push(part))
      res.on('error', reject)
      res.on('end', () => {
        const text = Buffer.concat(parts).toString('utf8')
        resolve({ status: res.statusCode ?? 0, headers: res.headers, body: text })
      })
    })
    req.on('error', reject)
    req.end(body)
  })
}

/**
 * Writes bytes to a socket as they are and reads until the other side closes.
 *
 * @param pieces each written by itself; the last may be `'end'` (FIN) or `'reset'` (RST)
 */
export async function speak(
  origin: string,
  pieces: readonly (Buffer | string)[],
  last?: 'end' | 'reset',
): Promise<string> {
  const { hostname, port } = new URL(origin)
  const socket = connect(Number(port), hostname)
  socket.setNoDelay(true)
  let heard = ''
  socket.on('data', (data) => (heard += data.toString('latin1')))
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => resolve())
    socket.on('error', () => {})
  })
  for (const piece of pieces) {
    if (socket.destroyed) break
    await new Promise<void>((resolve) => socket.write(piece, () => resolve()))
    // Lets the other side read each piece by itself.
    await new Promise((resolve) => setImmediate(resolve))
  }
  if (last === 'end') socket.end()
  if (last === 'reset') socket.resetAndDestroy()
  await closed
  return heard
}

/** The code of a problem answer. */
export function codeOf({ body }: { body: string }): string {
  try {
    return String((JSON.parse(body) as { code?: unknown }).code)
  } catch {
    return `no problem: ${body.slice(0, 200)}`
  }
}

/** A form's bytes, part after part as given. */
export function form(
  boundary: string,
  ...parts: { headers: string[]; body: string | Buffer }[]
): Buffer {
  return Buffer.concat([
    ...parts.flatMap(({ headers, body }) => [
      Buffer.from(`--${boundary}\r\n${headers.join('\r\n')}\r\n\r\n`),
      Buffer.from(body),
      Buffer.from('\r\n'),
    ]),
    Buffer.from(`--${boundary}--\r\n`),
  ])
}

/** A file's part of a form. */
export function filePart(
  filename: string,
  body: string | Buffer,
  name = 'file',
): { headers: string[]; body: string | Buffer } {
  return {
    headers: [
      `Content-Disposition: form-data; name="${name}"; filename="${filename}"`,
      'Content-Type: application/octet-stream',
    ],
    body,
  }
}

/** Uploads a form in one go. */
export function uploadForm(
  { origin, bearer }: Pick<Driveway, 'origin' | 'bearer'>,
  body: Buffer,
  boundary = 'b',
): Promise<RawAnswer> {
  return send(origin, '/upload', {
    method: 'POST',
    headers: { ...bearer, 'content-type': `multipart/form-data; boundary=${boundary}` },
    body,
  })
}
