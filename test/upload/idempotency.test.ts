import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { createHash, randomBytes } from 'node:crypto'
import { filePart, form, problemCode, send, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'
import { expectProblem, uploadFile } from '../kit/requests.ts'
import { openConnection, requestHead, startUploadGateway, waitFor } from '../kit/upload.ts'
import type { RawConnection, UploadGateway } from '../kit/upload.ts'
import { fieldPart } from '../kit/multipart-fixtures.ts'

let driveway: UploadGateway
let second: Driveway

beforeAll(async () => {
  const gateway = { chunkBytes: 256 * 1024, sleep: () => Promise.resolve() }
  driveway = await startUploadGateway({ gateway })
  second = await startDriveway({ sharing: driveway, gateway })
})

afterAll(async () => {
  await second.close()
  await driveway.close()
})

afterEach(() => {
  driveway.google.faults.clear()
  driveway.resetUploads()
})

let count = 0
const newKey = (): string => `key-${++count}`

interface Options {
  path?: string
  body?: Buffer | string
  headers?: Record<string, string>
  at?: { origin: string }
}

function put(key: string, { path = 'a.txt', body = 'hello', headers, at }: Options = {}) {
  const account = { origin: (at ?? driveway).origin, bearer: driveway.bearer }
  return uploadFile(account, path, body, { 'idempotency-key': key, ...headers })
}

function post(key: string, body: Buffer): Promise<RawResponse> {
  return send(driveway.origin, '/upload', {
    method: 'POST',
    headers: {
      ...driveway.bearer,
      'content-type': 'multipart/form-data; boundary=b',
      'idempotency-key': key,
    },
    body,
  })
}

const ids = (): string[] => driveway.uploaded().map(({ id }) => id)

/** Starts a PUT and sends 600,000 bytes of its body. */
async function startUpload(key: string, path = 'a.txt', size = 1_000_000): Promise<RawConnection> {
  const connection = await openConnection(driveway.origin)
  const headers = { 'Idempotency-Key': key, 'Content-Length': size }
  connection.socket.write(requestHead(driveway, 'PUT', `/upload/${path}`, headers))
  connection.socket.write(Buffer.alloc(600_000))
  await waitFor(() => driveway.google.drive.openSessions() === 1)
  return connection
}

describe('a repeated request with the same Idempotency-Key', () => {
  test.each([5, 700_000])(
    'returns the same response on every instance, and stores one file of %d bytes',
    async (size) => {
      const options = { path: `again/${size}.bin`, body: randomBytes(size) }
      const key = newKey()
      const first = await put(key, options)
      expect(first.status).toBe(201)
      for (const at of [driveway, second]) {
        const again = await put(key, { ...options, at })
        expect([again.status, again.body]).toEqual([201, first.body])
        expect(again.headers['repr-digest']).toBe(first.headers['repr-digest'])
      }
      const files = driveway.uploaded().filter(({ size: bytes }) => bytes === size)
      expect(files).toHaveLength(1)
    },
  )

  test('returns the same response to a form', async () => {
    const key = newKey()
    const body = form('b', fieldPart('mode', 'error'), filePart('f.txt', 'in a form'))
    const first = await post(key, body)
    const again = await post(key, body)
    expect([first.status, again.status, again.body]).toEqual([201, 201, first.body])
    expect(ids()).toHaveLength(1)
  })

  test.each(['new', 'replace', 'skip', 'error'])(
    'returns the same response with mode=%s, and stores one file',
    async (mode) => {
      const path = `${mode}-${newKey()}?mode=${mode}`
      const key = newKey()
      const first = await put(key, { path })
      const again = await put(key, { path })
      expect([again.status, again.body]).toEqual([201, first.body])
      expect(ids()).toHaveLength(1)
    },
  )

  test('returns the response without 100 Continue', async () => {
    const key = newKey()
    await put(key, { path: 'held' })
    const connection = await openConnection(driveway.origin)
    const headers = { 'Idempotency-Key': key, 'Content-Length': 5, Expect: '100-continue' }
    connection.socket.write(requestHead(driveway, 'PUT', '/upload/held', headers))
    await connection.closed
    expect(connection.statuses()).toEqual([201])
    expect(connection.received()).not.toContain('100 Continue')
  })

  test('uploads the file after the first request failed', async () => {
    const key = newKey()
    driveway.google.faults.add({ operation: 'drive.upload.multipart', status: 413 })
    expect((await put(key)).status).toBe(413)
    expect((await put(key)).status).toBe(201)
    expect(ids()).toHaveLength(1)
  })

  test('stores one file after the client disconnected during the first request', async () => {
    const key = newKey()
    const connection = await startUpload(key, 'left')
    connection.socket.destroy()
    await driveway.settled()
    await waitFor(async () => {
      const { status } = await put(key, { path: 'left', body: Buffer.alloc(1_000_000) })
      return status === 201
    })
    expect(ids()).toHaveLength(1)
  })

  test('returns idempotency_key_in_use with Retry-After during the first request, on every instance', async () => {
    const key = newKey()
    const connection = await startUpload(key, 'busy')
    for (const at of [driveway, second]) {
      const response = await put(key, { path: 'busy', body: Buffer.alloc(1_000_000), at })
      expectProblem(response, 409, 'idempotency_key_in_use')
      expect(JSON.parse(response.body)).toMatchObject({ retryable: true })
      expect(response.headers['retry-after']).toBe('5')
    }
    connection.socket.write(Buffer.alloc(400_000))
    await connection.waitFor((received) => received.includes('}\n'))
    expect(connection.statuses()).toEqual([201])
    connection.socket.destroy()
    expect(ids()).toHaveLength(1)
  })

  test('stores one file for eight concurrent requests on two instances', async () => {
    const key = newKey()
    const responses = await Promise.all(
      [0, 1, 2, 3, 4, 5, 6, 7].map((at) => put(key, { at: at % 2 ? driveway : second })),
    )
    const statuses = new Set(responses.map(({ status }) => status))
    expect(statuses.has(201)).toBe(true)
    expect([...statuses].filter((status) => status !== 201 && status !== 409)).toEqual([])
    expect(ids()).toHaveLength(1)
  })
})

describe('a used Idempotency-Key', () => {
  const changes: [string, Options][] = [
    ['another name', { path: 'b.txt' }],
    ['another folder', { path: 'in/a.txt' }],
    ['another mode', { path: 'a.txt?mode=replace' }],
    ['another length', { body: 'hello!' }],
    ['other content of the same length', { body: 'hallo' }],
    [
      'another digest',
      { path: `a.txt?sha256=${createHash('sha256').update('hello').digest('hex')}` },
    ],
  ]
  test.each(changes)('is rejected with %s', async (_, other) => {
    const key = newKey()
    await put(key)
    const response = await put(key, other)
    expectProblem(response, 422, 'idempotency_key_reused')
    expect(ids()).toHaveLength(1)
  })

  test('of a raw body is rejected with a form', async () => {
    const key = newKey()
    await put(key)
    expect(problemCode(await post(key, form('b', filePart('a.txt', 'hello'))))).toBe(
      'idempotency_key_reused',
    )
  })

  test('is the same key with quotes around it (RFC 9651)', async () => {
    const key = newKey()
    const first = await put(key)
    expect((await put(`"${key}"`)).body).toBe(first.body)
    expect(ids()).toHaveLength(1)
  })
})

describe('an Idempotency-Key', () => {
  test.each([[''], ['""'], ['x'.repeat(256)], ['é'], ['a\tb']])(
    'is rejected when it is %j',
    async (key) => {
      const response = await put(key)
      expectProblem(response, 400, 'bad_request')
    },
  )

  test('is rejected when the request has two', async () => {
    const response = await send(driveway.origin, '/upload/a', {
      method: 'PUT',
      headers: { ...driveway.bearer, 'idempotency-key': ['a', 'b'] },
      body: 'hello',
    })
    expectProblem(response, 400, 'bad_request')
  })

  test.each([
    ['a second file', [filePart('a', 'x'), filePart('b', 'y')]],
    [
      'a second file after an empty part',
      [filePart('a', 'x'), filePart('', ''), filePart('b', 'y')],
    ],
    ['a field after the file', [filePart('a', 'x'), fieldPart('note', 'y')]],
  ])('is rejected for a form with %s, and nothing is stored', async (_, parts) => {
    const response = await post(newKey(), form('b', ...parts))
    expectProblem(response, 400, 'bad_request')
    expect(ids()).toEqual([])
  })

  test('is not logged', async () => {
    const key = `logged-${newKey()}`
    await put(key)
    const logged = driveway.lines.join('\n')
    expect(logged).not.toContain(key)
  })
})
