import { afterAll, describe, expect, test } from '@jest/globals'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Fault } from '../../../../infra/sandbox/faults.ts'
import { createDrive, googleError } from '../../../../infra/sandbox/drive/index.ts'
import { startSandbox } from '../../../../infra/sandbox/server.ts'
import { bytes, reasonOf, sha256, unit, withDrive } from './fixture.ts'

let now = Date.parse('2026-01-01T00:00:00Z')
const kit = withDrive({ sessionLifetime: 1000, now: () => now, quotaBytes: 100 * unit })
const { open, put, send, status } = kit
const chunkFault = (fault: Omit<Fault, 'operation'>) =>
  kit.sandbox.faults.add({ operation: 'drive.upload.chunk', ...fault })
const rangeOf = ({ headers }: { headers: Headers }) => headers.get('range')
const failure = (sent: Promise<unknown>) =>
  sent.then(
    () => 'answered',
    () => 'cut',
  )

describe('faults of an upload (group F)', () => {
  test.each([500, 502, 503, 504, 429, 401, 404, 410])(
    'a chunk is answered with %d and nothing of it is stored (cases 71, 72, 74, 79)',
    async (code) => {
      const uri = await open()
      chunkFault({ status: code, headers: { 'retry-after': '1' } })
      const spoiled = await put(uri, bytes(unit), 0, '*')
      expect([spoiled.status, spoiled.headers.get('retry-after')]).toEqual([code, '1'])
      expect(rangeOf(await status(uri))).toBeNull()
    },
  )

  test('a refusal carries the reason that the test chose (case 73)', async () => {
    const uri = await open()
    const body = JSON.stringify(
      googleError(403, 'userRateLimitExceeded', 'User rate limit exceeded.', {
        domain: 'usageLimits',
      }),
    )
    chunkFault({ status: 403, body })
    expect(reasonOf(await put(uri, bytes(unit), 0, '*'))).toBe('userRateLimitExceeded')
  })

  test.each(['reset', 'fin'] as const)(
    'a connection is cut by %s after k bytes and whole units stay (case 75)',
    async (cut) => {
      const whole = bytes(unit * 3)
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

  test('less is stored than was sent, and the Range says so (case 76)', async () => {
    const whole = bytes(unit * 2)
    for (const kept of [1, unit - 1, unit]) {
      const uri = await open()
      chunkFault({ acceptBytes: kept })
      const short = await put(uri, whole, 0, whole.length)
      expect([short.status, rangeOf(short)]).toEqual([308, `bytes=0-${kept - 1}`])
      const done = await put(uri, whole.subarray(kept), kept, whole.length)
      expect(done.json.sha256Checksum).toBe(sha256(whole))
    }
  })

  test.each([null, 'bytes=0-0', `bytes=0-${unit - 1}`])(
    'a 308 lies with Range %p, and takes the bytes again (cases 76, 77)',
    async (range) => {
      const whole = bytes(unit * 3)
      const uri = await open()
      chunkFault({ range })
      expect(rangeOf(await put(uri, whole.subarray(0, unit * 2), 0, '*'))).toBe(range)
      const from = range === null ? 0 : Number(range.slice('bytes=0-'.length)) + 1
      const done = await put(uri, whole.subarray(from), from, whole.length)
      expect(done.json.sha256Checksum).toBe(sha256(whole))
    },
  )

  test.each(['bytes=0-99999999', 'bytes=5-9', 'nonsense', 'bytes=0-1,3-4'])(
    'a 308 says %p (case 78)',
    async (range) => {
      const uri = await open()
      chunkFault({ range })
      expect(rangeOf(await put(uri, bytes(unit), 0, '*'))).toBe(range)
      expect((await put(uri, bytes(unit), 100_000_000, '*')).status).toBe(503)
    },
  )

  test('a session is really forgotten, at a chunk or at a question (case 79)', async () => {
    const before = kit.drive.openSessions()
    for (const [operation, code] of [
      ['drive.upload.chunk', 404],
      ['drive.upload.chunk', 410],
      ['drive.upload.status', 404],
    ] as const) {
      const uri = await open()
      await put(uri, bytes(unit), 0, '*')
      kit.sandbox.faults.add({ operation, forget: true, status: code })
      const dead =
        operation === 'drive.upload.chunk'
          ? await put(uri, bytes(unit), unit, '*')
          : await status(uri)
      expect(dead.status).toBe(code)
      expect((await status(uri)).status).toBe(404)
    }
    expect(kit.drive.openSessions()).toBe(before)
  })

  test('nothing is answered, or no body, or a byte at a time (case 80)', async () => {
    for (const hang of ['headers', 'answer', 'body'] as const) {
      const uri = await open()
      chunkFault({ hang })
      const signal = AbortSignal.timeout(150)
      const sent = fetch(uri, { method: 'PUT', body: 'x', signal }).then((res) => res.text())
      expect(await failure(sent)).toBe('cut')
      expect((await status(uri)).status).toBe(hang === 'headers' ? 308 : 200)
    }
    chunkFault({ trickle: 1 })
    expect((await put(await open({ name: 'slow' }), bytes(1), 0, 1)).json.name).toBe('slow')
  })

  test('an answer comes while the body is still on its way (case 81)', async () => {
    const uri = await open()
    chunkFault({ status: 503, answerAfterBytes: 1000, headers: { connection: 'close' } })
    expect((await put(uri, bytes(5000), 0, 5000)).status).toBe(503)
    chunkFault({ status: 403, early: true })
    expect((await put(uri, bytes(5000), 0, 5000)).status).toBe(403)
  })

  test('the file that is answered is not what was sent (case 82)', async () => {
    const uri = await open({ name: 'real' })
    chunkFault({ file: { sha256Checksum: 'f'.repeat(64), size: null, name: 'other' } })
    const done = await put(uri, bytes(3), 0, 3)
    expect(done.json).toMatchObject({ sha256Checksum: 'f'.repeat(64), name: 'other' })
    expect(done.json).not.toHaveProperty('size')
    expect((await status(uri)).json).toMatchObject({ name: 'real', size: '3' })
  })

  test('the final answer is lost, and the file is there (case 83)', async () => {
    const uri = await open()
    chunkFault({ loseAnswer: true })
    expect(await failure(put(uri, bytes(3), 0, 3))).toBe('cut')
    expect((await status(uri)).json.size).toBe('3')
  })

  test('the final answer is cut, or quite another (case 84)', async () => {
    const cut = await open()
    chunkFault({ answerBytes: 7 })
    expect(await put(cut, bytes(3), 0, 3)).toMatchObject({ status: 200, text: '{"id":"' })
    const odd = await open()
    chunkFault({ status: 200, body: '<html>', afterwards: true })
    expect((await put(odd, bytes(3), 0, 3)).text).toBe('<html>')
    expect((await status(odd)).json.size).toBe('3')
    chunkFault({ location: 'http://127.0.0.1:9/elsewhere' })
    const moved = await put(await open(), bytes(unit), 0, '*')
    expect([moved.status, moved.headers.get('location')]).toEqual([
      308,
      'http://127.0.0.1:9/elsewhere',
    ])
    chunkFault({ interim: 103 })
    expect((await put(await open(), bytes(3), 0, 3)).status).toBe(200)
  })

  test('an opening says no Location', async () => {
    kit.sandbox.faults.add({ operation: 'drive.upload.open', location: null })
    expect(await open()).toBe('')
    kit.drive.forgetSessions()
  })

  test('a multipart upload is cut, and leaves nothing', async () => {
    const before = kit.drive.filesOf('ada').length
    kit.sandbox.faults.add({ operation: 'drive.upload.*', resetAfterBytes: 100 })
    const body = `--b\r\nContent-Type: application/json\r\n\r\n{}\r\n--b\r\n\r\n${'x'.repeat(200)}\r\n--b--`
    const headers = { 'content-type': 'multipart/related; boundary=b' }
    const sent = send('POST', '/upload/drive/v3/files?uploadType=multipart', { headers, body })
    expect(await failure(sent)).toBe('cut')
    expect(kit.drive.filesOf('ada')).toHaveLength(before)
  })
})

test('a download is cut after k bytes', async () => {
  const ids = await kit.drive.seed('ada', [{ name: 'd', content: bytes(1000) }])
  kit.sandbox.faults.add({ operation: 'drive.files.media', resetAfterBytes: 10 })
  expect(await failure(send('GET', `/drive/v3/files/${ids['d']}?alt=media`))).toBe('cut')
})

test('a page is short, even empty, and still has a next one', async () => {
  const path = '/drive/v3/files?fields=nextPageToken,files(id)'
  kit.sandbox.faults.add({ operation: 'drive.files.list', pageItems: 0 })
  const { json } = await send('GET', path)
  expect(json).toEqual({ files: [], nextPageToken: expect.any(String) })
  const rest = await send('GET', `${path}&pageToken=${encodeURIComponent(json.nextPageToken)}`)
  expect(rest.json.files).toHaveLength(kit.drive.filesOf('ada').length)
})

test('a session expires', async () => {
  const uri = await open()
  now += 1001
  expect((await status(uri)).status).toBe(404)
  expect(kit.drive.openSessions()).toBe(0)
})

test('a full Drive refuses at the opening when it can, and otherwise in mid-upload', async () => {
  const announced = { 'x-upload-content-length': String(101 * unit) }
  const path = '/upload/drive/v3/files?uploadType=resumable'
  const refused = await send('POST', path, { headers: announced, body: {} })
  expect([refused.status, reasonOf(refused)]).toEqual([403, 'storageQuotaExceeded'])
  const uri = await open()
  await put(uri, bytes(unit), 0, '*')
  kit.drive.setQuota(unit)
  expect(reasonOf(await put(uri, bytes(unit), unit, '*'))).toBe('storageQuotaExceeded')
  expect((await status(uri)).status).toBe(404)
  kit.drive.setQuota(0)
  const simple = await send('POST', '/upload/drive/v3/files?uploadType=media', { body: 'x' })
  expect(reasonOf(simple)).toBe('storageQuotaExceeded')
  kit.drive.setQuota(Infinity)
})

describe('contents in a folder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sandbox-drive-'))
  const disk = withDrive({ bytesIn: folder })
  afterAll(() => rmSync(folder, { recursive: true }))

  test('are stored, read in ranges, replaced and removed', async () => {
    const whole = bytes(unit * 2 + 9)
    const uri = await disk.open()
    await disk.put(uri, whole.subarray(0, unit), 0, '*')
    disk.sandbox.faults.add({ operation: 'drive.upload.chunk', resetAfterBytes: unit + 5 })
    expect(await failure(disk.put(uri, whole.subarray(unit), unit, whole.length))).toBe('cut')
    const done = await disk.put(uri, whole.subarray(unit * 2), unit * 2, whole.length)
    expect(done.json.sha256Checksum).toBe(sha256(whole))
    expect(await disk.drive.bytesOf(done.json.id)).toEqual(whole)
    const path = `/drive/v3/files/${done.json.id}`
    const part = await disk.send('GET', `${path}?alt=media`, { headers: { range: 'bytes=-9' } })
    expect(part.headers.get('content-length')).toBe('9')
    expect(readdirSync(folder)).toHaveLength(1)
    await disk.send('DELETE', path)
    expect(readdirSync(folder)).toEqual([])
  })

  test('are gone when the sandbox has closed', async () => {
    const drive = createDrive({ identify: () => undefined, bytesIn: folder })
    const sandbox = await startSandbox([drive])
    await drive.seed('x', [{ name: 'a', content: 'a' }])
    expect(readdirSync(folder)).toHaveLength(1)
    await sandbox.close()
    expect(readdirSync(folder)).toEqual([])
  })
})
