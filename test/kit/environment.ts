/** A Driveway for tests: the gateway in this process, and a Google sandbox. */
import { strict as assert } from 'node:assert'
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
import { signingKeys } from './signing-keys.ts'
import { inspectStore, inspect, inspectResponse } from './secret-leaks.ts'

export interface Driveway {
  /** `http://127.0.0.1:port`, which serves all four functions over HTTP/1.1 and HTTP/2. */
  origin: string
  google: Google
  gateway: Gateway
  /** All log lines so far, parsed. */
  logs: Record<string, unknown>[]
  /** All log lines so far, as written. */
  lines: string[]
  /** The token of the first user, as an `Authorization` header. */
  bearer: Record<string, string>
  /** The session of the first user, as a `Cookie` header. */
  session: Record<string, string>
  /** The subject identifier of the first user. */
  sub: string
  close(): Promise<void>
}

export interface DrivewayOptions {
  gateway?: GatewayOptions
  google?: Partial<GoogleOptions>
  /** Further settings, such as `ALLOWED_ORIGINS`. */
  env?: Record<string, string>
  /** Creates a second gateway with the same Google and public URL, without a sign-in. */
  sharing?: Driveway
  /** Whether the first user is signed in; default true. */
  isSignedIn?: boolean
}

/** Tests exceed the default rate limits; tests of the limits set their own. */
const unlimited = { RATE_LIMIT: 'none', RATE_LIMIT_ANONYMOUS: 'none' }

export async function startDriveway(options: DrivewayOptions = {}): Promise<Driveway> {
  let gateway: Gateway | undefined
  const { http1: server, http2 } = createServers((req, res) => {
    inspectBody(req, res)
    return gateway?.all(req, res)
  })
  const sessions = new Set<Http2Session>()
  http2.on('session', (session) => sessions.add(session))
  const origin = await listen(server)
  const { sharing } = options
  const google =
    sharing?.google ?? (await startGoogle({ publicUrl: origin, signingKeys, ...options.google }))
  const lines: string[] = []
  gateway = createGateway(readConfig({ ...google.env, ...unlimited, ...options.env }), {
    handleSignals: false,
    log: createLog('sandbox', (line) => {
      inspect('the log', line)
      lines.push(line)
    }),
    ...options.gateway,
  })
  gateway.attach(server)
  gateway.attach(http2)

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
      await gateway.stop() // pending clean-up still needs Google
      if (!sharing) await google.close()
      inspectStore(google.firestore.dump())
      assert.deepEqual(google.drive.schemaProblems, [], 'Drive’s discovery document differs')
    },
  }
  if (options.isSignedIn !== false && !sharing) {
    const cookie = await signIn(origin, google.oauth.users[0]?.email ?? '')
    driveway.session = { cookie, origin }
    driveway.bearer = { authorization: `Bearer ${await mintToken(origin, cookie, 'test')}` }
  }
  return driveway
}

/** Inspects text responses for secrets; the bytes of files are skipped. */
function inspectBody(req: IncomingMessage, res: ServerResponse): void {
  const path = req.url ?? ''
  const [write, end] = [res.write.bind(res), res.end.bind(res)] as [Write, Write]
  const inspectChunk = (chunk: unknown): void => {
    if (typeof chunk === 'string') inspectResponse(path, chunk)
  }
  res.write = (...args: unknown[]) => {
    inspectChunk(args[0])
    return write(...args) as boolean
  }
  res.end = (...args: unknown[]) => {
    inspectChunk(args[0])
    return end(...args) as ServerResponse
  }
}

type Write = (...args: unknown[]) => unknown

export async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export interface RawResponse {
  status: number
  headers: IncomingHttpHeaders
  body: string
}

/** Sends one request with node:http: any path, any cookie, and no headers of fetch. */
export function send(
  origin: string,
  path: string,
  options: {
    method?: string
    headers?: Record<string, string | string[]>
    body?: Buffer | string
  } = {},
): Promise<RawResponse> {
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
 * Writes raw bytes to a socket and reads until the server closes it.
 *
 * @param pieces each is one write
 * @param last closes the socket afterwards, with FIN (`end`) or RST (`reset`)
 * @returns the received bytes as Latin-1
 */
export async function sendRaw(
  origin: string,
  pieces: readonly (Buffer | string)[],
  last?: 'end' | 'reset',
): Promise<string> {
  const { hostname, port } = new URL(origin)
  const socket = connect(Number(port), hostname)
  socket.setNoDelay(true)
  let received = ''
  socket.on('data', (data) => (received += data.toString('latin1')))
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => resolve())
    socket.on('error', () => {})
  })
  for (const piece of pieces) {
    if (socket.destroyed) break
    await new Promise<void>((resolve) => socket.write(piece, () => resolve()))
    // Lets the server read each piece separately.
    await new Promise((resolve) => setImmediate(resolve))
  }
  if (last === 'end') socket.end()
  if (last === 'reset') socket.resetAndDestroy()
  await closed
  return received
}

/** Returns the code of a problem response. */
export function problemCode({ body }: { body: string }): string {
  try {
    return String((JSON.parse(body) as { code?: unknown }).code)
  } catch {
    return `not a problem: ${body.slice(0, 200)}`
  }
}

/** Encodes a multipart body from its parts. */
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

/** Creates the part of a file. */
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

/** Uploads a multipart body in one request. */
export function uploadForm(
  { origin, bearer }: Pick<Driveway, 'origin' | 'bearer'>,
  body: Buffer,
  boundary = 'b',
): Promise<RawResponse> {
  return send(origin, '/upload', {
    method: 'POST',
    headers: { ...bearer, 'content-type': `multipart/form-data; boundary=${boundary}` },
    body,
  })
}
