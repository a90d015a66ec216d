import { afterAll, describe, expect, test } from '@jest/globals'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Fault } from '../../../../infra/sandbox/faults.ts'
import { createDrive, googleError } from '../../../../infra/sandbox/drive/index.ts'
import { startSandbox } from '../../../../infra/sandbox/server.ts'
import { waitFor } from '../../../kit/wait-for.ts'
import { randomContent, reasonOf, sha256, unit, withDrive } from './fixture.ts'

let now = Date.parse('2026-01-01T00:00:00Z')
const fixture = withDrive({ sessionTtlMs: 1000, now: () => now, quotaBytes: 100 * unit })
const { open, put, send, status } = fixture
const chunkFault = (fault: Omit<Fault, 'operation'>) =>
  fixture.sandbox.faults.add({ operation: 'drive.upload.chunk', ...fault })
const rangeOf = ({ headers }: { headers: Headers }) => headers.get('range')
const failure = (sent: Promise<unknown>) =>
  sent.then(
    () => 'completed',
    () => 'cut',
  )

describe('a fault of an upload', () => {
  test.each([500, 502, 503, 504, 429, 401, 404, 410])(
    'responds %d to a chunk and stores nothing',
    async (code) => {
      const uri = await open()
      chunkFault({ status: code, headers: { 'retry-after': '1' } })
      const failed = await put(uri, randomContent(unit), 0, '*')
      expect([failed.status, failed.headers.get('retry-after')]).toEqual([code, '1'])
      expect(rangeOf(await status(uri))).toBeNull()
    },
  )

  test('sends a 403 with the reason of the test', async () => {
    const uri = await open()
    const body = JSON.stringify(
      googleError(403, 'userRateLimitExceeded', 'User rate limit exceeded.', {
        domain: 'usageLimits',
      }),
    )
    chunkFault({ status: 403, body })
    expect(reasonOf(await put(uri, randomContent(unit), 0, '*'))).toBe('userRateLimitExceeded')
  })

  test.each(['reset', 'fin'] as const)(
    'cuts the connection by %s after k bytes and keeps whole units',
    async (cut) => {
      const whole = randomContent(unit * 3)
      for (const k of [0, 1, unit - 1, unit, unit + 1, unit * 2 + 7]) {
        const uri = await open()
        chunkFault({ resetAfterBytes: k, cut })
        expect(await failure(put(uri, whole, 0, whole.length))).toBe('cut')
        const stored = Math.floor(k / unit) * unit
        expect(rangeOf(await status(uri))).toBe(stored === 0 ? null : `bytes=0-${stored - 1}`)
        const done = await put(uri, whole.subarray(stored), stored, whole.length)
        expect(done.json.sha256Checksum).toBe(sha256(whole))
      }
    },
  )

  test.each([
    ['before', 'request', 0],
    ['after', 'response', unit],
  ] as const)('holds a chunk %s it is handled, until the release', async (_, hold, stored) => {
    const uri = await open()
    const content = randomContent(2 * unit)
    chunkFault({ hold })
    const held = put(uri, content.subarray(0, unit), 0, content.length)
    await waitFor(() => fixture.sandbox.calls.includes('drive.upload.chunk'))
    const isStored = async (): Promise<boolean> =>
      rangeOf(await status(uri)) === (stored === 0 ? null : `bytes=0-${stored - 1}`)
    await waitFor(isStored)
    const first = await Promise.race([held, new Promise((resolve) => setImmediate(resolve))])
    expect([first, await isStored()]).toEqual([undefined, true])
    await fixture.send('POST', '/sandbox/faults/release')
    expect([(await held).status, rangeOf(await held)]).toEqual([308, `bytes=0-${unit - 1}`])
  })

  test('stores fewer bytes than sent and returns their Range', async () => {
    const whole = randomContent(unit * 2)
    for (const accepted of [1, unit - 1, unit]) {
      const uri = await open()
      chunkFault({ acceptBytes: accepted })
      const short = await put(uri, whole, 0, whole.length)
      expect([short.status, rangeOf(short)]).toEqual([308, `bytes=0-${accepted - 1}`])
      const done = await put(uri, whole.subarray(accepted), accepted, whole.length)
      expect(done.json.sha256Checksum).toBe(sha256(whole))
    }
  })

  test.each([null, 'bytes=0-0', `bytes=0-${unit - 1}`])(
    'sends a 308 with the false Range %p and accepts the bytes again',
    async (range) => {
      const whole = randomContent(unit * 3)
      const uri = await open()
      chunkFault({ range })
      expect(rangeOf(await put(uri, whole.subarray(0, unit * 2), 0, '*'))).toBe(range)
      const from = range === null ? 0 : Number(range.slice('bytes=0-'.length)) + 1
      const done = await put(uri, whole.subarray(from), from, whole.length)
      expect(done.json.sha256Checksum).toBe(sha256(whole))
    },
  )

  test.each(['bytes=0-99999999', 'bytes=5-9', 'nonsense', 'bytes=0-1,3-4'])(
    'sends a 308 with the Range %p',
    async (range) => {
      const uri = await open()
      chunkFault({ range })
      expect(rangeOf(await put(uri, randomContent(unit), 0, '*'))).toBe(range)
      expect((await put(uri, randomContent(unit), 100_000_000, '*')).status).toBe(503)
    },
  )

  test('deletes the session at a chunk or at a status query', async () => {
    const before = fixture.drive.openSessions()
    for (const [operation, code] of [
      ['drive.upload.chunk', 404],
      ['drive.upload.chunk', 410],
      ['drive.upload.status', 404],
    ] as const) {
      const uri = await open()
      await put(uri, randomContent(unit), 0, '*')
      fixture.sandbox.faults.add({ operation, expireSession: true, status: code })
      const gone =
        operation === 'drive.upload.chunk'
          ? await put(uri, randomContent(unit), unit, '*')
          : await status(uri)
      expect(gone.status).toBe(code)
      expect((await status(uri)).status).toBe(404)
    }
    expect(fixture.drive.openSessions()).toBe(before)
  })

  test('sends no response, no body, or single bytes', async () => {
    for (const hang of ['headers', 'response', 'body'] as const) {
      const uri = await open()
      chunkFault({ hang })
      const signal = AbortSignal.timeout(150)
      const sent = fetch(uri, { method: 'PUT', body: 'x', signal }).then((res) => res.text())
      expect(await failure(sent)).toBe('cut')
      expect((await status(uri)).status).toBe(hang === 'headers' ? 308 : 200)
    }
    chunkFault({ trickleMs: 1 })
    expect((await put(await open({ name: 'slow' }), randomContent(1), 0, 1)).json.name).toBe('slow')
  })

  test('responds before the end of the request body', async () => {
    const uri = await open()
    chunkFault({ status: 503, respondAfterBytes: 1000, headers: { connection: 'close' } })
    expect((await put(uri, randomContent(5000), 0, 5000)).status).toBe(503)
    chunkFault({ status: 403, early: true })
    expect((await put(uri, randomContent(5000), 0, 5000)).status).toBe(403)
  })

  test('returns a file other than the uploaded one', async () => {
    const uri = await open({ name: 'real' })
    chunkFault({ file: { sha256Checksum: 'f'.repeat(64), size: null, name: 'other' } })
    const done = await put(uri, randomContent(3), 0, 3)
    expect(done.json).toMatchObject({ sha256Checksum: 'f'.repeat(64), name: 'other' })
    expect(done.json).not.toHaveProperty('size')
    expect((await status(uri)).json).toMatchObject({ name: 'real', size: '3' })
  })

  test('drops the final response, and the file exists', async () => {
    const uri = await open()
    chunkFault({ dropResponse: true })
    expect(await failure(put(uri, randomContent(3), 0, 3))).toBe('cut')
    expect((await status(uri)).json.size).toBe('3')
  })

  test('truncates the final response, or replaces it', async () => {
    const truncated = await open()
    chunkFault({ responseBytes: 7 })
    expect(await put(truncated, randomContent(3), 0, 3)).toMatchObject({
      status: 200,
      text: '{"id":"',
    })
    const replaced = await open()
    chunkFault({ status: 200, body: '<html>', afterHandling: true })
    expect((await put(replaced, randomContent(3), 0, 3)).text).toBe('<html>')
    expect((await status(replaced)).json.size).toBe('3')
    chunkFault({ location: 'http://127.0.0.1:9/moved' })
    const moved = await put(await open(), randomContent(unit), 0, '*')
    expect([moved.status, moved.headers.get('location')]).toEqual([308, 'http://127.0.0.1:9/moved'])
    chunkFault({ interim: 103 })
    expect((await put(await open(), randomContent(3), 0, 3)).status).toBe(200)
  })

  test('omits the Location of an opening', async () => {
    fixture.sandbox.faults.add({ operation: 'drive.upload.open', location: null })
    expect(await open()).toBe('')
    fixture.drive.expireSessions()
  })

  test('cuts a multipart upload, which stores nothing', async () => {
    const before = fixture.drive.filesOf('ada').length
    fixture.sandbox.faults.add({ operation: 'drive.upload.*', resetAfterBytes: 100 })
    const body = `--b\r\nContent-Type: application/json\r\n\r\n{}\r\n--b\r\n\r\n${'x'.repeat(200)}\r\n--b--`
    const headers = { 'content-type': 'multipart/related; boundary=b' }
    const sent = send('POST', '/upload/drive/v3/files?uploadType=multipart', { headers, body })
    expect(await failure(sent)).toBe('cut')
    expect(fixture.drive.filesOf('ada')).toHaveLength(before)
  })
})

test('a fault cuts a download after k bytes', async () => {
  const ids = await fixture.drive.seed('ada', [{ name: 'd', content: randomContent(1000) }])
  fixture.sandbox.faults.add({ operation: 'drive.files.media', resetAfterBytes: 10 })
  expect(await failure(send('GET', `/drive/v3/files/${ids['d']}?alt=media`))).toBe('cut')
})

test('a fault returns a short or empty page with a next page token', async () => {
  const path = '/drive/v3/files?fields=nextPageToken,files(id)'
  fixture.sandbox.faults.add({ operation: 'drive.files.list', pageItems: 0 })
  const { json } = await send('GET', path)
  expect(json).toEqual({ files: [], nextPageToken: expect.any(String) })
  const rest = await send('GET', `${path}&pageToken=${encodeURIComponent(json.nextPageToken)}`)
  expect(rest.json.files).toHaveLength(fixture.drive.filesOf('ada').length)
})

test('an upload session expires', async () => {
  const uri = await open()
  now += 1001
  expect((await status(uri)).status).toBe(404)
  expect(fixture.drive.openSessions()).toBe(0)
})

test('an exceeded quota rejects the opening, or a chunk when the length is unknown', async () => {
  const announced = { 'x-upload-content-length': String(101 * unit) }
  const path = '/upload/drive/v3/files?uploadType=resumable'
  const rejected = await send('POST', path, { headers: announced, body: {} })
  expect([rejected.status, reasonOf(rejected)]).toEqual([403, 'storageQuotaExceeded'])
  const uri = await open()
  await put(uri, randomContent(unit), 0, '*')
  fixture.drive.setQuota(unit)
  expect(reasonOf(await put(uri, randomContent(unit), unit, '*'))).toBe('storageQuotaExceeded')
  expect((await status(uri)).status).toBe(404)
  fixture.drive.setQuota(0)
  const simple = await send('POST', '/upload/drive/v3/files?uploadType=media', { body: 'x' })
  expect(reasonOf(simple)).toBe('storageQuotaExceeded')
  fixture.drive.setQuota(Infinity)
})

describe('a folder blob store', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sandbox-drive-'))
  const disk = withDrive({ blobFolder: folder })
  afterAll(() => rmSync(folder, { recursive: true }))

  test('stores content, reads ranges and deletes content', async () => {
    const whole = randomContent(unit * 2 + 9)
    const uri = await disk.open()
    await disk.put(uri, whole.subarray(0, unit), 0, '*')
    disk.sandbox.faults.add({ operation: 'drive.upload.chunk', resetAfterBytes: unit + 5 })
    expect(await failure(disk.put(uri, whole.subarray(unit), unit, whole.length))).toBe('cut')
    const done = await disk.put(uri, whole.subarray(unit * 2), unit * 2, whole.length)
    expect(done.json.sha256Checksum).toBe(sha256(whole))
    expect(await disk.drive.contentOf(done.json.id)).toEqual(whole)
    const path = `/drive/v3/files/${done.json.id}`
    const part = await disk.send('GET', `${path}?alt=media`, { headers: { range: 'bytes=-9' } })
    expect(part.headers.get('content-length')).toBe('9')
    expect(readdirSync(folder)).toHaveLength(1)
    await disk.send('DELETE', path)
    expect(readdirSync(folder)).toEqual([])
  })

  test('deletes all content when the sandbox closes', async () => {
    const drive = createDrive({ identify: () => undefined, blobFolder: folder })
    const sandbox = await startSandbox([drive])
    await drive.seed('x', [{ name: 'a', content: 'a' }])
    expect(readdirSync(folder)).toHaveLength(1)
    await sandbox.close()
    expect(readdirSync(folder)).toEqual([])
  })
})
