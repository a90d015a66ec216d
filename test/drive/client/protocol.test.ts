import { describe, expect, test } from '@jest/globals'
import { GatewayError } from '../../../functions/errors.ts'
import {
  chunkRequest,
  multipartRequest,
  isCancelled,
  openSessionRequest,
  readCreateResult,
  readFile,
  readIds,
  readSessionUri,
  readProgress,
  statusRequest,
} from '../../../functions/drive/client/protocol.ts'
import type { DriveResponse } from '../../../functions/drive/client/transport.ts'

const root = 'https://drive.example/'
const uri = 'https://drive.example/upload?upload_id=x'

function response(
  status: number,
  headers: Record<string, string> = {},
  body: object | string = '',
): DriveResponse {
  return { status, headers, body: typeof body === 'string' ? body : JSON.stringify(body) }
}

/** The code of the error that `run` throws, or what it returns. */
function codeOrResult<T>(run: () => T): T | string {
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
  test('returns offset 0 when a 308 has no Range', () => {
    expect(readProgress(response(308))).toEqual({ state: 'incomplete', offset: 0 })
  })

  test.each([
    ['bytes=0-0', 1],
    ['bytes=0-262143', 262_144],
    ['0-42', 43], // older examples omit the unit
    ['bytes=0-5497558138879', 5_497_558_138_880],
  ])('reads the offset from Range %p', (range, offset) => {
    expect(readProgress(response(308, { range }))).toEqual({ state: 'incomplete', offset })
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
  ])('throws upstream_bad_response for Range %p', (range) => {
    expect(codeOrResult(() => readProgress(response(308, { range })))).toBe('upstream_bad_response')
  })

  test.each([400, 404, 410, 499])('throws upload_session_lost for status %d', (status) => {
    expect(codeOrResult(() => readProgress(response(status)))).toBe('upload_session_lost')
  })

  test.each([200, 201])('returns the file of a %d', (status) => {
    expect(readProgress(response(status, {}, file))).toEqual(stored)
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
  ])('returns unclear for status %d with body %p', (status, body) => {
    expect(readProgress(response(status, {}, body))).toEqual({ state: 'unclear', status })
  })

  test.each([
    [401, 'reauth_required'],
    [429, 'drive_rate_limited'],
    [500, 'drive_unavailable'],
    [408, 'drive_timeout'],
    [413, 'too_large'],
  ])('maps status %d to %s', (status, code) => {
    expect(codeOrResult(() => readProgress(response(status)))).toBe(code)
  })
})

describe('readCreateResult()', () => {
  test('returns exists for a 409: an earlier attempt has succeeded', () => {
    expect(readCreateResult(response(409))).toEqual({ state: 'exists' })
  })

  test.each([
    [400, 'upstream_bad_response'],
    [404, 'drive_not_found'],
  ])('maps status %d to %s: there is no session that could be lost', (s, c) => {
    expect(codeOrResult(() => readCreateResult(response(s)))).toBe(c)
  })

  test('returns unclear for a 308', () => {
    expect(readCreateResult(response(308)).state).toBe('unclear')
  })
})

describe('readSessionUri()', () => {
  test('returns a session URI of Drive’s origin', () => {
    expect(readSessionUri(response(200, { location: uri }), root)).toBe(uri)
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
  ])('rejects session URI %p', (location) => {
    const headers = location === undefined ? {} : { location }
    expect(codeOrResult(() => readSessionUri(response(200, headers), root))).toBe(
      'upstream_bad_response',
    )
  })

  test('throws Drive’s error when no session was opened', () => {
    expect(codeOrResult(() => readSessionUri(response(404), root))).toBe('drive_not_found')
    expect(codeOrResult(() => readSessionUri(response(302, { location: uri }), root))).toBe(
      'upstream_bad_response',
    )
  })
})

describe('readFile()', () => {
  test('returns undefined for a size or checksum that is missing or malformed', () => {
    const { size, sha256 } = readFile('{"id":"i","name":"n","size":5,"sha256Checksum":7}') ?? {}
    expect([size, sha256]).toEqual([undefined, undefined])
    for (const odd of ['-5', '5.5', '1e3', '', ' 5', '0x5', '9'.repeat(16)]) {
      expect(readFile(JSON.stringify({ ...file, size: odd }))?.size).toBeUndefined()
    }
  })
})

describe('readIds()', () => {
  test('accepts a non-empty list of strings only', () => {
    expect(readIds(response(200, {}, { ids: ['a', 'b'] }))).toEqual(['a', 'b'])
    for (const body of ['', '{}', '{"ids":[]}', '{"ids":[1]}', '{"ids":"a"}', '<html>']) {
      expect(codeOrResult(() => readIds(response(200, {}, body)))).toBe('upstream_bad_response')
    }
    expect(codeOrResult(() => readIds(response(503)))).toBe('drive_unavailable')
  })
})

describe('request builders', () => {
  const metadata = { id: 'i', name: 'a"\r\nb\u2028', mimeType: 'text/plain', folder: 'f' }

  test('put the file name into the JSON body, and never into a header or URL', () => {
    for (const request of [
      openSessionRequest(root, metadata),
      multipartRequest(root, metadata, []),
    ]) {
      expect(JSON.stringify([request.url, request.headers])).not.toContain('a\\"')
      expect(Buffer.concat([...(request.body ?? [])]).toString()).toContain(
        JSON.stringify({ id: 'i', name: metadata.name, mimeType: 'text/plain', parents: ['f'] }),
      )
    }
  })

  test('replace Google’s own media types, which would make Drive convert the file', () => {
    const converting = { ...metadata, mimeType: 'application/vnd.google-apps.document' }
    const { headers, body = [] } = openSessionRequest(root, converting)
    expect(headers['x-upload-content-type']).toBe('application/octet-stream')
    expect(Buffer.concat([...body]).toString()).not.toContain('google-apps')
  })

  test('write the range of a chunk, and the total with the last chunk', () => {
    const range = (...rest: [number, Buffer[], number?]): string | undefined =>
      chunkRequest(uri, rest[0], rest[1], rest[2]).headers['content-range']
    expect(range(0, [Buffer.alloc(3), Buffer.alloc(2)])).toBe('bytes 0-4/*')
    expect(range(5, [Buffer.alloc(3)], 8)).toBe('bytes 5-7/8')
    expect(range(8, [], 8)).toBe('bytes */8') // never `bytes 8-7/8`
    expect(statusRequest(uri, undefined).headers['content-range']).toBe('bytes */*')
  })

  test('isCancelled() accepts 499, success, and sessions that no longer exist', () => {
    const codes = [200, 204, 404, 410, 499, 400, 401, 403, 500, 503]
    expect(codes.filter((status) => isCancelled(response(status)))).toEqual([
      200, 204, 404, 410, 499,
    ])
  })
})
