/** Uploads by tus beside the instance's limits: its memory, its end, its front end, and HTTP/2. */
import { afterEach, expect, test } from '@jest/globals'
import { pattern, sha256Of } from '../../faults/fixture.ts'
import { openSession } from '../../kit/h2c.ts'
import type { Line, Uploading } from '../../kit/upload.ts'
import { dial, startUploading, until } from '../../kit/upload.ts'
import type { DrivewayOptions } from '../../kit/environment.ts'
import { codeOf, send } from '../../kit/environment.ts'
import { bodyType, offsetOf, pathOf, tus, unit } from '../../kit/tus.ts'
import type { Tus } from '../../kit/tus.ts'

let driveway: Uploading
let client: Tus

async function start(options: DrivewayOptions = {}): Promise<void> {
  driveway = await startUploading({ gateway: { chunkBytes: unit }, ...options })
  client = tus(driveway)
}
afterEach(() => driveway.close())

/** A PATCH whose body does not come yet. */
async function hold(path: string, offset: number, length: number): Promise<Line> {
  const line = await dial(driveway.origin)
  const head = [
    `PATCH ${path} HTTP/1.1`,
    'Host: localhost',
    `Authorization: ${driveway.bearer['authorization']}`,
    'Tus-Resumable: 1.0.0',
    `Content-Type: ${bodyType}`,
    `Upload-Offset: ${offset}`,
    `Content-Length: ${length}`,
  ]
  line.socket.write(`${head.join('\r\n')}\r\n\r\n`)
  return line
}

test('without room in memory a PATCH is asked to come again, and nothing is lost', async () => {
  await start({ env: { MEMORY_BYTES: String(2 * unit) } })
  const bytes = pattern(2 * unit)
  const path = await client.create({ 'upload-length': String(2 * unit) })
  const other = await client.create({ 'upload-length': String(2 * unit) })
  const line = await hold(other, 0, 2 * unit)
  line.socket.write(pattern(unit + 1))
  await until(async () => offsetOf(await client.head(other)) === unit)
  const answer = await client.patch(path, 0, bytes)
  expect([answer.status, codeOf(answer)]).toEqual([503, 'over_capacity'])
  expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
  line.socket.end()
  await until(async () => (await client.patch(path, 0, bytes)).status === 204)
  expect(driveway.uploaded().map(({ sha256 }) => sha256)).toEqual([sha256Of(bytes)])
})

test('bytes with a checksum that memory cannot hold are refused, not passed on unchecked', async () => {
  await start({ env: { MEMORY_BYTES: String(4 * unit) } })
  const bytes = pattern(8 * unit)
  const path = await client.create({ 'upload-length': String(8 * unit) })
  const headers = { 'upload-checksum': `sha1 ${Buffer.alloc(20).toString('base64')}` }
  const answer = await client.patch(path, 0, bytes, headers)
  expect([answer.status, codeOf(answer)]).toEqual([503, 'over_capacity'])
  expect(offsetOf(await client.head(path))).toBe(0)
  expect((await client.patch(path, 0, bytes)).status).toBe(204)
})

test('an instance that stops answers with what was kept, and another goes on', async () => {
  await start({ gateway: { chunkBytes: unit, graceMs: 50 } })
  const path = await client.create({ 'upload-length': String(4 * unit) })
  const line = await hold(path, 0, 4 * unit)
  line.socket.write(pattern(2 * unit + 5))
  await until(async () => offsetOf(await client.head(path)) === 2 * unit)
  const stopped = driveway.gateway.stop()
  const heard = await line.hears((text) => text.includes('\r\n\r\n'))
  expect(heard).toMatch(/^HTTP\/1\.1 204 /)
  expect(heard).toMatch(new RegExp(`upload-offset: ${2 * unit}\r\n`, 'i'))
  expect(heard).toMatch(/connection: close\r\n/i)
  await line.closed
  await stopped
})

test('the ceiling of a front end is told, and a longer PATCH refused', async () => {
  await start({ env: { MAX_REQUEST_BYTES: String(2 * unit) } })
  const options = await send(driveway.origin, '/upload/tus', { method: 'OPTIONS' })
  expect(options.headers['driveway-max-request-bytes']).toBe(String(2 * unit))
  const path = await client.create({ 'upload-length': String(4 * unit) })
  const answer = await client.patch(path, 0, pattern(3 * unit))
  expect([answer.status, codeOf(answer)]).toEqual([413, 'too_large'])
  expect((await client.patch(path, 0, pattern(2 * unit))).status).toBe(204)
})

test('a body that is encoded is refused', async () => {
  await start()
  const encoded = { 'content-encoding': 'gzip' }
  const path = await client.create({ 'upload-length': String(unit) })
  const answer = await client.patch(path, 0, pattern(unit), encoded)
  expect([answer.status, codeOf(answer)]).toEqual([415, 'unsupported_media_type'])
  expect((await client.post({ 'upload-length': '5', ...encoded }, pattern(5))).status).toBe(415)
})

test('over HTTP/2 too; a PATCH that is reset keeps whole units, and is never the file’s end', async () => {
  await start()
  const bytes = pattern(3 * unit + 1)
  const spoken = { ...driveway.bearer, 'tus-resumable': '1.0.0' }
  const h2 = await openSession(driveway.origin)
  const created = await h2.ask({
    ...spoken,
    ':path': '/upload/tus',
    'upload-length': bytes.length,
  })
  expect(created.status).toBe(201)
  const path = pathOf(String(created.headers['location']))
  const patch = (offset: number): Record<string, string | number> => ({
    ...spoken,
    ':method': 'PATCH',
    ':path': path,
    'content-type': bodyType,
    'upload-offset': offset,
  })
  const { stream, answer } = h2.begin(patch(0))
  stream.write(bytes.subarray(0, 2 * unit + 9))
  await until(async () => offsetOf(await client.head(path)) === 2 * unit)
  stream.close(8)
  await answer
  const head = await h2.ask({ ...spoken, ':method': 'HEAD', ':path': path })
  expect([head.status, head.headers['upload-offset']]).toEqual([200, String(2 * unit)])
  const last = await h2.ask(patch(2 * unit), bytes.subarray(2 * unit))
  expect([last.status, last.headers['upload-offset']]).toEqual([204, String(bytes.length)])
  expect(driveway.uploaded().map(({ sha256 }) => sha256)).toEqual([sha256Of(bytes)])
  await h2.close()
})
