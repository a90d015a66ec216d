import { describe, expect, test } from '@jest/globals'
import { GatewayError } from '../../../functions/errors.ts'
import {
  chunkRequest,
  createRequest,
  isCancelled,
  openRequest,
  readCreated,
  readFile,
  readIds,
  readOpened,
  readProgress,
  statusRequest,
} from '../../../functions/drive/client/protocol.ts'
import type { DriveAnswer } from '../../../functions/drive/client/transport.ts'

const root = 'https://drive.example/'
const uri = 'https://drive.example/upload?upload_id=x'

function answer(
  status: number,
  headers: Record<string, string> = {},
  body: object | string = '',
): DriveAnswer {
  return { status, headers, body: typeof body === 'string' ? body : JSON.stringify(body) }
}

/** The code that it throws with, or what it returns. */
function outcome<T>(run: () => T): T | string {
  try {
    return run()
  } catch (error) {
    if (error instanceof GatewayError) return error.code
    throw error
  }
}

const file = { id: 'i', name: 'n', mimeType: 'm', size: '5', sha256Checksum: 's' }
const stored = {
  state: 'stored',
  file: { id: 'i', name: 'n', mimeType: 'm', size: 5, sha256: 's', webViewLink: undefined },
}

describe('readProgress()', () => {
  test('resumes at 0 when a 308 has no Range (case 77)', () => {
    expect(readProgress(answer(308))).toEqual({ state: 'incomplete', offset: 0 })
  })

  test.each([
    ['bytes=0-0', 1],
    ['bytes=0-262143', 262_144],
    ['0-42', 43], // older examples leave the unit out
    ['bytes=0-5497558138879', 5_497_558_138_880],
  ])('reads Range %p', (range, offset) => {
    expect(readProgress(answer(308, { range }))).toEqual({ state: 'incomplete', offset })
  })

  test.each([
    '',
    'bytes=5-9',
    'bytes=0-',
    'bytes=-5',
    'bytes=0-1,3-4',
    'bytes 0-5/10',
    'bytes=0-0x5',
    'bytes=0--1',
    `bytes=0-${'9'.repeat(16)}`,
    'bytes=0-5\n',
  ])('refuses Range %p (case 78)', (range) => {
    expect(outcome(() => readProgress(answer(308, { range })))).toBe('upstream_bad_response')
  })

  test.each([400, 404, 410, 499])('takes %d for a session that is gone (case 79)', (status) => {
    expect(outcome(() => readProgress(answer(status)))).toBe('upload_session_lost')
  })

  test.each([200, 201])('takes %d with a file for the end', (status) => {
    expect(readProgress(answer(status, {}, file))).toEqual(stored)
  })

  test.each([
    [200, '<html>'],
    [200, ''],
    [200, '{"id":"i","na'],
    [200, 'null'],
    [200, '[]'],
    [200, '{"name":"n"}'],
    [204, ''],
    [302, ''],
  ])('makes nothing of %d %p (case 84)', (status, body) => {
    expect(readProgress(answer(status, {}, body))).toEqual({ state: 'unclear', status })
  })

  test.each([
    [401, 'reauth_required'],
    [429, 'drive_rate_limited'],
    [500, 'drive_unavailable'],
    [413, 'upstream_bad_response'],
  ])('says what %d means', (status, code) => {
    expect(outcome(() => readProgress(answer(status)))).toBe(code)
  })
})

describe('readCreated()', () => {
  test('takes a 409 for an earlier try that was heard (case 83)', () => {
    expect(readCreated(answer(409))).toEqual({ state: 'exists' })
  })

  test.each([
    [400, 'upstream_bad_response'],
    [404, 'drive_not_found'],
  ])('takes %d for a refusal of what was asked: there is no session that could be gone', (s, c) => {
    expect(outcome(() => readCreated(answer(s)))).toBe(c)
  })

  test('makes nothing of a 308', () => {
    expect(readCreated(answer(308)).state).toBe('unclear')
  })
})

describe('readOpened()', () => {
  test('takes an address at Drive', () => {
    expect(readOpened(answer(200, { location: uri }), root)).toBe(uri)
  })

  test.each([
    undefined,
    '',
    '/upload?upload_id=x',
    'http://drive.example/upload',
    'https://drive.example:444/upload',
    'https://drive.example.evil/upload',
    'https://evil@drive.example/upload',
    'https://evil:x@drive.example/upload',
    'https://drive.example@evil.example/upload',
    'https://127.0.0.1/upload',
    'javascript:alert(1)',
    `https://drive.example/${'x'.repeat(10_240)}`,
  ])('takes no other: %p (case 39)', (location) => {
    const headers = location === undefined ? {} : { location }
    expect(outcome(() => readOpened(answer(200, headers), root))).toBe('upstream_bad_response')
  })

  test('says why there is none', () => {
    expect(outcome(() => readOpened(answer(404), root))).toBe('drive_not_found')
    expect(outcome(() => readOpened(answer(302, { location: uri }), root))).toBe(
      'upstream_bad_response',
    )
  })
})

describe('readFile()', () => {
  test('leaves out what Drive leaves out, or writes in another shape (case 82)', () => {
    const { size, sha256 } = readFile('{"id":"i","name":"n","size":5,"sha256Checksum":7}') ?? {}
    expect([size, sha256]).toEqual([undefined, undefined])
    for (const odd of ['-5', '5.5', '1e3', '', ' 5', '0x5', '9'.repeat(16)]) {
      expect(readFile(JSON.stringify({ ...file, size: odd }))?.size).toBeUndefined()
    }
  })
})

describe('readIds()', () => {
  test('takes a list of strings and nothing else', () => {
    expect(readIds(answer(200, {}, { ids: ['a', 'b'] }))).toEqual(['a', 'b'])
    for (const body of ['', '{}', '{"ids":[]}', '{"ids":[1]}', '{"ids":"a"}', '<html>']) {
      expect(outcome(() => readIds(answer(200, {}, body)))).toBe('upstream_bad_response')
    }
    expect(outcome(() => readIds(answer(503)))).toBe('drive_unavailable')
  })
})

describe('requests', () => {
  const metadata = { id: 'i', name: 'a"\r\nb\u2028', mimeType: 'text/plain', folder: 'f' }

  test('a name travels as JSON and never in a header (case 49)', () => {
    for (const request of [openRequest(root, metadata), createRequest(root, metadata, [])]) {
      expect(JSON.stringify([request.url, request.headers])).not.toContain('a\\"')
      expect(Buffer.concat([...(request.body ?? [])]).toString()).toContain(
        JSON.stringify({ id: 'i', name: metadata.name, mimeType: 'text/plain', parents: ['f'] }),
      )
    }
  })

  test('a type of Google’s would convert the file, so it is not passed on', () => {
    const converting = { ...metadata, mimeType: 'application/vnd.google-apps.document' }
    const { headers, body = [] } = openRequest(root, converting)
    expect(headers['x-upload-content-type']).toBe('application/octet-stream')
    expect(Buffer.concat([...body]).toString()).not.toContain('google-apps')
  })

  test('a chunk says where it belongs, and the total with the last', () => {
    const range = (...rest: [number, Buffer[], number?]): string | undefined =>
      chunkRequest(uri, rest[0], rest[1], rest[2]).headers['content-range']
    expect(range(0, [Buffer.alloc(3), Buffer.alloc(2)])).toBe('bytes 0-4/*')
    expect(range(5, [Buffer.alloc(3)], 8)).toBe('bytes 5-7/8')
    expect(range(8, [], 8)).toBe('bytes */8') // never `bytes 8-7/8` (case 53)
    expect(statusRequest(uri, undefined).headers['content-range']).toBe('bytes */*')
  })

  test('a session is cancelled when it says so, and when there is none (facts of DELETE)', () => {
    const codes = [200, 204, 404, 410, 499, 400, 401, 403, 500, 503]
    expect(codes.filter((status) => isCancelled(answer(status)))).toEqual([200, 204, 404, 410, 499])
  })
})
