/** tus uploads at the memory limit, at shutdown, at MAX_REQUEST_BYTES and over HTTP/2. */
import { afterEach, expect, test } from '@jest/globals'
import { pattern } from '../../faults/fixture.ts'
import { send } from '../../kit/environment.ts'
import type { DrivewayOptions } from '../../kit/environment.ts'
import { expectProblem } from '../../kit/requests.ts'
import { expectFiles, startUploadGateway, waitFor } from '../../kit/upload.ts'
import type { UploadGateway } from '../../kit/upload.ts'
import {
  chunkUnit,
  createTusClient,
  offsetOf,
  openPatch,
  pathOf,
  tusContentType,
} from '../../kit/tus.ts'
import type { TusClient } from '../../kit/tus.ts'
import { connectH2c } from '../../kit/h2c.ts'

let driveway: UploadGateway
let client: TusClient

async function start(options: DrivewayOptions = {}): Promise<void> {
  driveway = await startUploadGateway({ gateway: { chunkBytes: chunkUnit }, ...options })
  client = createTusClient(driveway)
}
afterEach(() => driveway.close())

test('PATCH returns over_capacity with Retry-After without free memory, and can be retried', async () => {
  await start({ env: { MEMORY_BYTES: String(2 * chunkUnit) } })
  const bytes = pattern(2 * chunkUnit)
  const path = await client.create({ 'upload-length': String(2 * chunkUnit) })
  const other = await client.create({ 'upload-length': String(2 * chunkUnit) })
  const connection = await openPatch(driveway, other, 0, 2 * chunkUnit)
  connection.socket.write(pattern(chunkUnit + 1))
  await waitFor(async () => offsetOf(await client.head(other)) === chunkUnit)
  const response = await client.patch(path, 0, bytes)
  expectProblem(response, 503, 'over_capacity')
  expect(Number(response.headers['retry-after'])).toBeGreaterThan(0)
  connection.socket.end()
  await waitFor(async () => (await client.patch(path, 0, bytes)).status === 204)
  expectFiles(driveway, bytes)
})

test('PATCH returns over_capacity for a body with a checksum that exceeds the memory', async () => {
  await start({ env: { MEMORY_BYTES: String(4 * chunkUnit) } })
  const bytes = pattern(8 * chunkUnit)
  const path = await client.create({ 'upload-length': String(8 * chunkUnit) })
  const headers = { 'upload-checksum': `sha1 ${Buffer.alloc(20).toString('base64')}` }
  const response = await client.patch(path, 0, bytes, headers)
  expectProblem(response, 503, 'over_capacity')
  expect(offsetOf(await client.head(path))).toBe(0)
  expect((await client.patch(path, 0, bytes)).status).toBe(204)
})

test('PATCH returns the stored offset when the instance shuts down', async () => {
  await start({ gateway: { chunkBytes: chunkUnit, graceMs: 50 } })
  const path = await client.create({ 'upload-length': String(4 * chunkUnit) })
  const connection = await openPatch(driveway, path, 0, 4 * chunkUnit)
  connection.socket.write(pattern(2 * chunkUnit + 5))
  await waitFor(async () => offsetOf(await client.head(path)) === 2 * chunkUnit)
  const stopped = driveway.gateway.stop()
  const received = await connection.waitFor((text) => text.includes('\r\n\r\n'))
  expect(received).toMatch(/^HTTP\/1\.1 204 /)
  expect(received).toMatch(new RegExp(`upload-offset: ${2 * chunkUnit}\r\n`, 'i'))
  expect(received).toMatch(/connection: close\r\n/i)
  await connection.closed
  await stopped
})

test('OPTIONS announces MAX_REQUEST_BYTES, and a longer PATCH returns too_large', async () => {
  await start({ env: { MAX_REQUEST_BYTES: String(2 * chunkUnit) } })
  const options = await send(driveway.origin, '/upload/tus', { method: 'OPTIONS' })
  expect(options.headers['driveway-max-request-bytes']).toBe(String(2 * chunkUnit))
  const path = await client.create({ 'upload-length': String(4 * chunkUnit) })
  const response = await client.patch(path, 0, pattern(3 * chunkUnit))
  expectProblem(response, 413, 'too_large')
  expect((await client.patch(path, 0, pattern(2 * chunkUnit))).status).toBe(204)
})

test('PATCH and POST return unsupported_media_type for a Content-Encoding', async () => {
  await start()
  const encoding = { 'content-encoding': 'gzip' }
  const path = await client.create({ 'upload-length': String(chunkUnit) })
  const response = await client.patch(path, 0, pattern(chunkUnit), encoding)
  expectProblem(response, 415, 'unsupported_media_type')
  expect((await client.post({ 'upload-length': '5', ...encoding }, pattern(5))).status).toBe(415)
})

test('a PATCH that is reset over HTTP/2 keeps complete units, and never completes the file', async () => {
  await start()
  const bytes = pattern(3 * chunkUnit + 1)
  const commonHeaders = { ...driveway.bearer, 'tus-resumable': '1.0.0' }
  const h2 = await connectH2c(driveway.origin)
  const created = await h2.request({
    ...commonHeaders,
    ':path': '/upload/tus',
    'upload-length': bytes.length,
  })
  expect(created.status).toBe(201)
  const path = pathOf(String(created.headers['location']))
  const patch = (offset: number): Record<string, string | number> => ({
    ...commonHeaders,
    ':method': 'PATCH',
    ':path': path,
    'content-type': tusContentType,
    'upload-offset': offset,
  })
  const { stream, response } = h2.startRequest(patch(0))
  stream.write(bytes.subarray(0, 2 * chunkUnit + 9))
  await waitFor(async () => offsetOf(await client.head(path)) === 2 * chunkUnit)
  stream.close(8)
  await response
  const head = await h2.request({ ...commonHeaders, ':method': 'HEAD', ':path': path })
  expect([head.status, head.headers['upload-offset']]).toEqual([200, String(2 * chunkUnit)])
  const last = await h2.request(patch(2 * chunkUnit), bytes.subarray(2 * chunkUnit))
  expect([last.status, last.headers['upload-offset']]).toEqual([204, String(bytes.length)])
  expectFiles(driveway, bytes)
  await h2.close()
})
