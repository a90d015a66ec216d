import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { createHash, randomBytes } from 'node:crypto'
import { codeOf, filePart, form, send, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawAnswer } from '../kit/environment.ts'
import { fieldPart } from '../kit/multipart-fixtures.ts'
import { dial, startUploading, until } from '../kit/upload.ts'
import type { Line, Uploading } from '../kit/upload.ts'

let driveway: Uploading
let beside: Driveway

beforeAll(async () => {
  const gateway = { chunkBytes: 256 * 1024, wait: () => Promise.resolve() }
  driveway = await startUploading({ gateway })
  beside = await startDriveway({ beside: driveway, gateway })
})

afterAll(async () => {
  await beside.close()
  await driveway.close()
})

afterEach(() => {
  driveway.google.faults.clear()
  driveway.forget()
})

let count = 0
const fresh = (): string => `key-${++count}`

interface Asked {
  path?: string
  body?: Buffer | string
  headers?: Record<string, string>
  at?: { origin: string }
}

function put(key: string, { path = 'a.txt', body = 'hello', headers, at }: Asked = {}) {
  return send((at ?? driveway).origin, `/upload/${path}`, {
    method: 'PUT',
    headers: { ...driveway.bearer, 'idempotency-key': key, ...headers },
    body,
  })
}

function post(key: string, body: Buffer): Promise<RawAnswer> {
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

/** A PUT by hand that stands still in its body. */
async function begin(key: string, path = 'a.txt', size = 1_000_000): Promise<Line> {
  const line = await dial(driveway.origin)
  line.socket.write(
    `PUT /upload/${path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${driveway.bearer['authorization']}\r\n` +
      `Idempotency-Key: ${key}\r\nContent-Length: ${size}\r\n\r\n`,
  )
  line.socket.write(Buffer.alloc(600_000))
  await until(() => driveway.google.drive.openSessions() === 1)
  return line
}

describe('a request that is sent again with its Idempotency-Key', () => {
  test.each([5, 700_000])(
    'gets the same answer, here and on another instance, and %d bytes are one file',
    async (size) => {
      const asked = { path: `again/${size}.bin`, body: randomBytes(size) }
      const key = fresh()
      const first = await put(key, asked)
      expect(first.status).toBe(201)
      for (const at of [driveway, beside]) {
        const again = await put(key, { ...asked, at })
        expect([again.status, again.body]).toEqual([201, first.body])
        expect(again.headers['repr-digest']).toBe(first.headers['repr-digest'])
      }
      const files = driveway.uploaded().filter(({ size: bytes }) => bytes === size)
      expect(files).toHaveLength(1)
    },
  )

  test('as a form gets the same answer, whatever its boundary', async () => {
    const key = fresh()
    const body = form('b', fieldPart('mode', 'error'), filePart('f.txt', 'in a form'))
    const first = await post(key, body)
    const again = await post(key, body)
    expect([first.status, again.status, again.body]).toEqual([201, 201, first.body])
    expect(ids()).toHaveLength(1)
  })

  test.each(['new', 'replace', 'skip', 'error'])(
    'gets the same answer with mode=%s, and its file is there once',
    async (mode) => {
      const path = `${mode}-${fresh()}?mode=${mode}`
      const key = fresh()
      const first = await put(key, { path })
      const again = await put(key, { path })
      expect([again.status, again.body]).toEqual([201, first.body])
      expect(ids()).toHaveLength(1)
    },
  )

  test('may hold its bytes back, and is not asked for them', async () => {
    const key = fresh()
    await put(key, { path: 'held' })
    const line = await dial(driveway.origin)
    line.socket.write(
      `PUT /upload/held HTTP/1.1\r\nHost: x\r\nAuthorization: ${driveway.bearer['authorization']}\r\n` +
        `Idempotency-Key: ${key}\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n`,
    )
    await line.closed
    expect(line.statuses()).toEqual([201])
    expect(line.heard()).not.toContain('100 Continue')
  })

  test('that failed is tried anew', async () => {
    const key = fresh()
    driveway.google.faults.add({ operation: 'drive.upload.multipart', status: 413 })
    expect((await put(key)).status).toBe(502)
    expect((await put(key)).status).toBe(201)
    expect(ids()).toHaveLength(1)
  })

  test('after its caller left in the middle makes one file (case 63)', async () => {
    const key = fresh()
    const line = await begin(key, 'left')
    line.socket.destroy()
    await driveway.settled()
    await until(async () => {
      const { status } = await put(key, { path: 'left', body: Buffer.alloc(1_000_000) })
      return status === 201
    })
    expect(ids()).toHaveLength(1)
  })

  test('while the first is under way is told to come back, on any instance', async () => {
    const key = fresh()
    const line = await begin(key, 'busy')
    for (const at of [driveway, beside]) {
      const answer = await put(key, { path: 'busy', body: Buffer.alloc(1_000_000), at })
      expect([answer.status, codeOf(answer)]).toEqual([409, 'idempotency_key_in_use'])
      expect(JSON.parse(answer.body)).toMatchObject({ retryable: true })
      expect(answer.headers['retry-after']).toBe('5')
    }
    line.socket.write(Buffer.alloc(400_000))
    await line.hears((heard) => heard.includes('}\n'))
    expect(line.statuses()).toEqual([201])
    line.socket.destroy()
    expect(ids()).toHaveLength(1)
  })

  test('eight times at once on two instances makes one file', async () => {
    const key = fresh()
    const answers = await Promise.all(
      [0, 1, 2, 3, 4, 5, 6, 7].map((at) => put(key, { at: at % 2 ? driveway : beside })),
    )
    const statuses = new Set(answers.map(({ status }) => status))
    expect(statuses.has(201)).toBe(true)
    expect([...statuses].filter((status) => status !== 201 && status !== 409)).toEqual([])
    expect(ids()).toHaveLength(1)
  })
})

describe('a key that was used', () => {
  const changes: [string, Asked][] = [
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
  test.each(changes)('is not taken for %s', async (_, other) => {
    const key = fresh()
    await put(key)
    const answer = await put(key, other)
    expect([answer.status, codeOf(answer)]).toEqual([422, 'idempotency_key_reused'])
    expect(ids()).toHaveLength(1)
  })

  test('for a raw body is not taken for a form', async () => {
    const key = fresh()
    await put(key)
    expect(codeOf(await post(key, form('b', filePart('a.txt', 'hello'))))).toBe(
      'idempotency_key_reused',
    )
  })

  test('is the same with quotes around it (RFC 9651)', async () => {
    const key = fresh()
    const first = await put(key)
    expect((await put(`"${key}"`)).body).toBe(first.body)
    expect(ids()).toHaveLength(1)
  })
})

describe('a key', () => {
  test.each([[''], ['""'], ['x'.repeat(256)], ['é'], ['a\tb']])(
    'that reads %j is refused',
    async (key) => {
      const answer = await put(key)
      expect([answer.status, codeOf(answer)]).toEqual([400, 'bad_request'])
    },
  )

  test('that comes twice is refused', async () => {
    const answer = await send(driveway.origin, '/upload/a', {
      method: 'PUT',
      headers: { ...driveway.bearer, 'idempotency-key': ['a', 'b'] },
      body: 'hello',
    })
    expect([answer.status, codeOf(answer)]).toEqual([400, 'bad_request'])
  })

  test.each([
    ['a second file', [filePart('a', 'x'), filePart('b', 'y')]],
    [
      'a second file behind an empty one',
      [filePart('a', 'x'), filePart('', ''), filePart('b', 'y')],
    ],
    ['a field behind the file', [filePart('a', 'x'), fieldPart('note', 'y')]],
  ])('is not taken for a form with %s, and nothing is kept', async (_, parts) => {
    const answer = await post(fresh(), form('b', ...parts))
    expect([answer.status, codeOf(answer)]).toEqual([400, 'bad_request'])
    expect(ids()).toEqual([])
  })

  test('is kept as a hash beside the answer, and no secret with it (case 35)', async () => {
    const key = `canary-${fresh()}`
    await put(key)
    const logged = driveway.lines.join('\n')
    expect(logged).not.toContain(key)
  })
})
