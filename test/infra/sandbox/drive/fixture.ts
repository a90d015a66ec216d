/** Fixture of the Drive tests: a sandbox with a Drive and several callers. */
import { afterAll, afterEach, beforeAll } from '@jest/globals'
import { createHash, randomBytes } from 'node:crypto'
import { request } from 'node:http'
import type { Drive, DriveOptions, Identity } from '../../../../infra/sandbox/drive/index.ts'
import { createDrive } from '../../../../infra/sandbox/drive/index.ts'
import type { Sandbox } from '../../../../infra/sandbox/server.ts'
import { startSandbox } from '../../../../infra/sandbox/server.ts'

export const unit = 256 * 1024

const ada = { sub: 'ada', email: 'ada@example.com' }

function identity(person: typeof ada, clientId: string, ...scopes: string[]): Identity {
  const full = scopes.map((scope) => `https://www.googleapis.com/auth/${scope}`)
  return { ...person, clientId, scopes: new Set(full) }
}

const identities: Record<string, Identity> = {
  full: identity(ada, 'driveway', 'drive'),
  own: identity(ada, 'driveway', 'drive.file'),
  browse: identity(ada, 'driveway', 'drive.file', 'drive.metadata.readonly'),
  readonly: identity(ada, 'driveway', 'drive.readonly'),
  metadata: identity(ada, 'driveway', 'drive.metadata.readonly'),
  otherApp: identity(ada, 'other-app', 'drive.file'),
  ben: identity({ sub: 'ben', email: 'ben@example.com' }, 'driveway', 'drive'),
  nothing: identity(ada, 'driveway', 'openid'),
}

export interface TestResponse {
  status: number
  headers: Headers
  text: string
  // oxlint-disable-next-line typescript/no-explicit-any -- tests inspect arbitrary JSON
  json: any
}

export interface DriveFixture {
  readonly drive: Drive
  readonly sandbox: Sandbox
  /** Sends a request as one of the callers; `null` sends no bearer token. */
  send(method: string, path: string, options?: SendOptions): Promise<TestResponse>
  /** Opens a session. @returns its URI */
  open(metadata?: object, options?: SendOptions): Promise<string>
  /** Sends `bytes` as a chunk at `start`. */
  put(uri: string, bytes: Buffer, start: number, total: number | '*'): Promise<TestResponse>
  status(uri: string, total?: number | '*'): Promise<TestResponse>
}

export interface SendOptions {
  as?: string | null
  headers?: Record<string, string>
  body?: string | Buffer | object
}

/** Starts a sandbox before the tests of a file, and closes it after them. */
export function withDrive(options: Partial<DriveOptions> = {}): DriveFixture {
  let drive!: Drive
  let sandbox!: Sandbox
  beforeAll(async () => {
    drive = createDrive({ identify: (bearer) => identities[bearer], ...options })
    sandbox = await startSandbox([drive])
  })
  afterEach(() => sandbox.faults.clear())
  afterAll(() => sandbox.close())

  const fixture: DriveFixture = {
    get drive() {
      return drive
    },
    get sandbox() {
      return sandbox
    },
    async send(method, path, { as = 'full', headers = {}, body } = {}) {
      const isJson = body !== undefined && typeof body !== 'string' && !Buffer.isBuffer(body)
      const response = await fetch(new URL(path, sandbox.url), {
        method,
        redirect: 'manual',
        headers: {
          ...(as === null ? {} : { authorization: `Bearer ${as}` }),
          ...(isJson ? { 'content-type': 'application/json; charset=UTF-8' } : {}),
          ...headers,
        },
        ...(body === undefined
          ? {}
          : { body: isJson ? JSON.stringify(body) : new Uint8Array(Buffer.from(body as Buffer)) }),
      })
      const text = await response.text()
      let json: unknown
      try {
        json = JSON.parse(text)
      } catch {
        json = undefined
      }
      return { status: response.status, headers: response.headers, text, json }
    },
    async open(metadata = {}, opening = {}) {
      const query = 'uploadType=resumable&fields=id,name,size,sha256Checksum,mimeType'
      const response = await fixture.send('POST', `/upload/drive/v3/files?${query}`, {
        body: metadata,
        ...opening,
      })
      if (response.status !== 200)
        throw new Error(`Cannot open: ${response.status} ${response.text}`)
      return response.headers.get('location') ?? ''
    },
    put(uri, body, start, total) {
      const range = `bytes ${start}-${start + body.length - 1}/${total}`
      return fixture.send('PUT', uri, { as: null, headers: { 'content-range': range }, body })
    },
    status(uri, total = '*') {
      const headers = { 'content-range': `bytes */${total}` }
      return fixture.send('PUT', uri, { as: null, headers, body: '' })
    },
  }
  return fixture
}

export function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}

export function randomContent(length: number): Buffer {
  return randomBytes(length)
}

/** Sends the start of a body, then cuts the connection and waits for its end. */
export function sendPart(
  uri: string,
  headers: Record<string, string | number>,
  part: Buffer,
): Promise<void> {
  return new Promise((resolve) => {
    const req = request(uri, { method: 'PUT', headers })
    req.on('error', () => {})
    req.on('close', () => resolve())
    req.write(part, () => req.destroy())
  })
}

export function reasonOf(response: TestResponse): string {
  return (
    (response.json as { error: { errors: { reason: string }[] } }).error.errors[0]?.reason ?? ''
  )
}
