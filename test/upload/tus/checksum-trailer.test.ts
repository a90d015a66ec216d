/** The extension checksum-trailer of tus 1.0.0: Upload-Checksum behind the body. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { pattern, sha256Of } from '../../faults/fixture.ts'
import { expectProblem } from '../../kit/requests.ts'
import { expectNothingStored, startUploadGateway } from '../../kit/upload.ts'
import type { UploadGateway } from '../../kit/upload.ts'
import { chunkUnit, createTusClient, offsetOf, tusContentType } from '../../kit/tus.ts'
import type { TusClient } from '../../kit/tus.ts'
import { connectH2c } from '../../kit/h2c.ts'

let driveway: UploadGateway
let client: TusClient

beforeAll(async () => {
  driveway = await startUploadGateway({ gateway: { chunkBytes: chunkUnit } })
  client = createTusClient(driveway)
})
afterAll(() => driveway.close())
beforeEach(() => {
  driveway.resetUploads()
  driveway.google.drive.expireSessions()
})

const checksumOf = (algorithm: string, bytes: Buffer): string =>
  `${algorithm} ${createHash(algorithm).update(bytes).digest('base64')}`

const bytes = pattern(2 * chunkUnit)
const length = { 'upload-length': String(bytes.length) }

/** Sends a chunked body that announces the trailer. @param checksum none sends no trailer */
async function sendChunked(
  method: string,
  path: string,
  headers: Record<string, string>,
  checksum?: string,
): Promise<{ status: number; body: string }> {
  const req = request(`${driveway.origin}${path}`, {
    method,
    agent: false,
    headers: {
      ...driveway.bearer,
      'tus-resumable': '1.0.0',
      'content-type': tusContentType,
      'transfer-encoding': 'chunked',
      trailer: 'Upload-Checksum',
      ...headers,
    },
  })
  req.write(bytes)
  if (checksum !== undefined) req.addTrailers({ 'Upload-Checksum': checksum })
  req.end()
  const [res] = (await once(req, 'response')) as [IncomingMessage]
  let body = ''
  for await (const text of res.setEncoding('utf8')) body += String(text)
  return { status: res.statusCode ?? 0, body }
}

const patch = (path: string, checksum?: string): Promise<{ status: number; body: string }> =>
  sendChunked('PATCH', path, { 'upload-offset': '0' }, checksum)

const post = (checksum: string): Promise<{ status: number; body: string }> =>
  sendChunked('POST', '/upload/tus', length, checksum)

test('OPTIONS lists checksum-trailer', async () => {
  const { headers } = await client.request('OPTIONS', '/upload/tus')
  expect(String(headers['tus-extension']).split(',')).toContain('checksum-trailer')
})

describe('PATCH with the trailer Upload-Checksum', () => {
  test.each(['sha1', 'sha256', 'md5'])('stores bytes that match its %s', async (algorithm) => {
    const path = await client.create(length)
    expect((await patch(path, checksumOf(algorithm, bytes))).status).toBe(204)
    expect(driveway.uploaded().map(({ sha256 }) => sha256)).toEqual([sha256Of(bytes)])
  })

  test('returns 460 for other bytes, and stores none of them', async () => {
    const path = await client.create(length)
    expectProblem(await patch(path, checksumOf('sha1', pattern(9))), 460, 'checksum_mismatch')
    expect(offsetOf(await client.head(path))).toBe(0)
    expect((await patch(path, checksumOf('sha1', bytes))).status).toBe(204)
  })

  test.each([
    ['is missing', undefined],
    ['has an unsupported algorithm', 'crc32 AAAAAA=='],
    ['is malformed', 'sha1 AAAA'],
  ])('returns bad_request when it %s, and stores nothing', async (_, checksum) => {
    const path = await client.create(length)
    expectProblem(await patch(path, checksum), 400, 'bad_request')
    expect(offsetOf(await client.head(path))).toBe(0)
  })

  test('stores bytes that match over HTTP/2', async () => {
    const h2c = await connectH2c(driveway.origin)
    try {
      for (const [checksum, status] of [
        [checksumOf('sha1', pattern(9)), 460],
        [checksumOf('sha1', bytes), 204],
      ] as const) {
        const path = await client.create(length)
        const headers = {
          ':method': 'PATCH',
          ':path': path,
          ...driveway.bearer,
          'tus-resumable': '1.0.0',
          'content-type': tusContentType,
          'upload-offset': '0',
          trailer: 'upload-checksum',
        }
        const stream = h2c.session.request(headers, { waitForTrailers: true })
        stream.on('wantTrailers', () => stream.sendTrailers({ 'upload-checksum': checksum }))
        stream.end(bytes)
        const [response] = (await once(stream, 'response')) as [Record<string, unknown>]
        expect(response[':status']).toBe(status)
      }
    } finally {
      await h2c.close()
    }
  })
})

test('POST with the trailer Upload-Checksum stores matching bytes only', async () => {
  expectProblem(await post(checksumOf('md5', pattern(9))), 460, 'checksum_mismatch')
  expectNothingStored(driveway)
  expect((await post(checksumOf('md5', bytes))).status).toBe(201)
  expect(driveway.uploaded().map(({ sha256 }) => sha256)).toEqual([sha256Of(bytes)])
})
