/** The extensions of tus 1.0 that are advertised, each with its MUSTs and its refusals. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createHash } from 'node:crypto'
import { pattern, sha256Of } from '../../faults/fixture.ts'
import type { Uploading } from '../../kit/upload.ts'
import { expectNothingIn, startUploading } from '../../kit/upload.ts'
import { codeOf } from '../../kit/environment.ts'
import { bodyType, metadata, offsetOf, pathOf, tus, unit } from '../../kit/tus.ts'
import type { Tus } from '../../kit/tus.ts'

let driveway: Uploading
let client: Tus
let time = Date.parse('2026-03-01T12:00:00Z')
const day = 24 * 60 * 60 * 1000

beforeAll(async () => {
  driveway = await startUploading({ gateway: { chunkBytes: unit, now: () => time } })
  client = tus(driveway)
})
afterAll(() => driveway.close())
beforeEach(() => {
  driveway.forget()
  driveway.google.calls.length = 0
  driveway.google.drive.forgetSessions()
})

/** What Drive got, by name, size and hash. */
function stored(): unknown[] {
  return driveway.uploaded().map(({ name, size, sha256 }) => [name, size, sha256])
}

/** The `Upload-Checksum` of some bytes. */
function of(algorithm: string, bytes: Buffer): { 'upload-checksum': string } {
  const digest = createHash(algorithm).update(bytes).digest('base64')
  return { 'upload-checksum': `${algorithm} ${digest}` }
}

describe('creation', () => {
  test('answers 201 with the Location of an upload at 0', async () => {
    const answer = await client.post({ 'upload-length': '100' })
    expect([answer.status, answer.body]).toEqual([201, ''])
    expect(offsetOf(await client.head(pathOf(answer.headers.location)))).toBe(0)
  })
  test.each<[string, Record<string, string>]>([
    ['neither length', {}],
    ['both lengths', { 'upload-length': '5', 'upload-defer-length': '1' }],
    ['a deferral of 0', { 'upload-defer-length': '0' }],
    ['a deferral of 2', { 'upload-defer-length': '2' }],
    ['parts at the same time', { 'upload-length': '5', 'upload-concat': 'partial' }],
    ['parts to be joined', { 'upload-concat': 'final;/upload/tus/a' }],
  ])('%s is refused (case 66)', async (_, headers) => {
    const answer = await client.post(headers)
    expect([answer.status, codeOf(answer)]).toEqual([400, 'bad_request'])
    expectNothingIn(driveway)
  })
  test('an empty file is whole when it is created', async () => {
    const headers = { 'upload-length': '0', 'upload-metadata': metadata({ filename: 'none' }) }
    const answer = await client.post(headers)
    expect([answer.status, offsetOf(answer)]).toEqual([201, 0])
    expect(stored()).toEqual([['none', 0, sha256Of(Buffer.alloc(0))]])
    const head = await client.head(pathOf(answer.headers.location))
    expect([offsetOf(head), head.headers['upload-length']]).toEqual([0, '0'])
  })
})

describe('Upload-Metadata', () => {
  test('names, types and places the file, and HEAD gives it back as it came', async () => {
    const folder = driveway.google.drive.rootOf(driveway.sub)
    const bytes = pattern(5)
    const said = `${metadata({ filename: 'a/b/каф é.txt', filetype: 'text/plain', folder, own: 'x' })},flag`
    const path = await client.create({ 'upload-length': '5', 'upload-metadata': said })
    expect((await client.head(path)).headers['upload-metadata']).toBe(said)
    expect((await client.patch(path, 0, bytes)).status).toBe(204)
    expect((await client.head(path)).headers['upload-metadata']).toBe(said)
    const [file] = driveway.uploaded()
    expect([file?.name, file?.mimeType, file?.parents]).toEqual([
      'каф é.txt',
      'text/plain',
      [folder],
    ])
  })
  test('filename wins over name, and without either the file is Untitled', async () => {
    await client.create({
      'upload-length': '0',
      'upload-metadata': metadata({ name: 'second', filename: 'first' }),
    })
    await client.create({
      'upload-length': '0',
      'upload-metadata': metadata({ type: 'image/png' }),
    })
    expect(driveway.uploaded().map(({ name }) => name)).toEqual(['first', 'Untitled'])
  })
  test.each([
    ['no Base64', 'filename a.txt'],
    ['Base64 without its padding', 'filename YQ'],
    ['Base64 in another spelling', 'filename YR=='],
    ['the URL’s Base64', 'filename -_-_'],
    ['a key twice', 'filename YQ==,filename Yg=='],
    ['an empty key', ',filename YQ=='],
    ['a key with a space', 'file name YQ=='],
    ['no UTF-8', `filename ${Buffer.from([0xff, 0xfe]).toString('base64')}`],
    ['NUL in the name', metadata({ filename: 'a\0b' })],
    ['a name of 2 KB', metadata({ filename: 'a'.repeat(2_000) })],
    ['3 KB', metadata({ filename: 'a', more: 'x'.repeat(3_000) })],
    ['a folder that is no id', metadata({ folder: '../x' })],
    ['a sha256 that is none', metadata({ sha256: 'abc' })],
  ])('%s is refused (case 66)', async (_, said) => {
    const answer = await client.post({ 'upload-length': '5', 'upload-metadata': said })
    expect(['bad_request', 'invalid_filename', 'drive_not_found']).toContain(codeOf(answer))
    expect(answer.headers.location).toBeUndefined()
    expectNothingIn(driveway)
    expect(driveway.driveCalls()).toEqual([])
  })
  test('more than Node takes as headers is refused by Node, and makes nothing', async () => {
    const long = await client.post({ 'upload-length': '5', 'upload-metadata': 'a'.repeat(20_000) })
    expect(long.status).toBe(431)
    // Of 1 MB most is still to be sent when Node closes: a client may see that instead.
    const huge = { 'upload-length': '5', 'upload-metadata': 'a'.repeat(1e6) }
    const seen = await client.post(huge).then(
      ({ status }) => status,
      ({ code }: { code?: string }) => code,
    )
    expect([431, 'ECONNRESET', 'EPIPE']).toContain(seen)
    expect(driveway.driveCalls()).toEqual([])
  })
})

describe('creation-with-upload', () => {
  test('a whole file is stored with its creation, in one request to Drive', async () => {
    const bytes = pattern(1000)
    const said = metadata({ filename: 'whole.bin' })
    const length = { 'upload-length': '1000', 'upload-metadata': said }
    await client.post({ 'upload-length': '0' }) // an id is at hand then
    driveway.forget()
    driveway.google.calls.length = 0
    const answer = await client.post(length, bytes)
    expect([answer.status, offsetOf(answer)]).toEqual([201, 1000])
    expect(driveway.driveCalls()).toEqual(['drive.upload.multipart'])
    expect(stored()).toEqual([['whole.bin', 1000, sha256Of(bytes)]])
    expect(answer.headers['driveway-file-id']).toBe(driveway.uploaded()[0]?.id)
    const head = await client.head(pathOf(answer.headers.location))
    expect([offsetOf(head), head.headers['upload-length']]).toEqual([1000, '1000'])
  })
  test('of a part whole units are kept, and the rest follows', async () => {
    const bytes = pattern(3 * unit + 7)
    const length = { 'upload-length': String(bytes.length) }
    const answer = await client.post(length, bytes.subarray(0, 2 * unit + 99))
    expect([answer.status, offsetOf(answer)]).toEqual([201, 2 * unit])
    const path = pathOf(answer.headers.location)
    expect((await client.patch(path, 2 * unit, bytes.subarray(2 * unit))).status).toBe(204)
    expect(stored()).toEqual([['Untitled', bytes.length, sha256Of(bytes)]])
  })
  test('of less than a unit nothing is kept', async () => {
    const answer = await client.post({ 'upload-length': String(unit) }, pattern(100))
    expect([answer.status, offsetOf(answer)]).toEqual([201, 0])
  })
  test('more than the length is refused, and nothing stays', async () => {
    for (const headers of [{}, { 'transfer-encoding': 'chunked' }]) {
      const answer = await client.post({ 'upload-length': '99', ...headers }, pattern(100))
      expect([answer.status, codeOf(answer)]).toEqual([400, 'bad_request'])
    }
    expectNothingIn(driveway)
  })
  test('a body of another type is refused', async () => {
    const headers = { 'upload-length': '9', 'content-type': 'text/plain' }
    const answer = await client.post(headers, pattern(9))
    expect([answer.status, codeOf(answer)]).toEqual([415, 'unsupported_media_type'])
  })
})

describe('creation-defer-length', () => {
  test('HEAD says so until the length comes with the last bytes', async () => {
    const bytes = pattern(unit + 3)
    const path = await client.create({ 'upload-defer-length': '1' })
    const before = await client.head(path)
    expect(before.headers['upload-defer-length']).toBe('1')
    expect(before.headers['upload-length']).toBeUndefined()
    expect(offsetOf(await client.patch(path, 0, bytes.subarray(0, unit)))).toBe(unit)
    expect((await client.head(path)).headers['upload-defer-length']).toBe('1')
    const length = { 'upload-length': String(unit + 3) }
    expect(offsetOf(await client.patch(path, unit, bytes.subarray(unit), length))).toBe(unit + 3)
    const after = await client.head(path)
    expect(after.headers['upload-defer-length']).toBeUndefined()
    expect([offsetOf(after), after.headers['upload-length']]).toEqual([unit + 3, String(unit + 3)])
    expect(stored().map((file) => (file as string[])[2])).toEqual([sha256Of(bytes)])
  })
  test('a file that ends where a PATCH ended is ended by an empty one', async () => {
    const bytes = pattern(2 * unit)
    const path = await client.create({ 'upload-defer-length': '1' })
    await client.patch(path, 0, bytes)
    const length = { 'upload-length': String(2 * unit) }
    const answer = await client.patch(path, 2 * unit, Buffer.alloc(0), length)
    expect([answer.status, offsetOf(answer)]).toEqual([204, 2 * unit])
    expect(driveway.google.drive.openSessions()).toBe(0)
  })
  test('a length that is told too early, or changed, is refused, and the upload goes on', async () => {
    const path = await client.create({ 'upload-defer-length': '1' })
    const early = { 'upload-length': String(9 * unit) }
    expect((await client.patch(path, 0, pattern(unit), early)).status).toBe(400)
    const other = await client.create({ 'upload-length': String(3 * unit) })
    const changed = { 'upload-length': String(2 * unit) }
    expect((await client.patch(other, 0, pattern(unit), changed)).status).toBe(400)
    for (const one of [path, other]) {
      expect(offsetOf(await client.patch(one, 0, pattern(unit)))).toBe(unit)
    }
  })
})

describe('checksum', () => {
  test('OPTIONS names the algorithms, sha1 among them', async () => {
    const { headers } = await client.ask('OPTIONS', '/upload/tus')
    expect(headers['tus-checksum-algorithm']).toBe('sha1,sha256,md5')
  })
  test.each(['sha1', 'sha256', 'md5'])(
    '%s: right bytes count, wrong ones get 460 and leave the offset (case 67)',
    async (algorithm) => {
      const bytes = pattern(3 * unit)
      const path = await client.create({ 'upload-length': String(bytes.length) })
      const first = bytes.subarray(0, unit)
      expect((await client.patch(path, 0, first, of(algorithm, first))).status).toBe(204)
      const rest = bytes.subarray(unit)
      const answer = await client.patch(path, unit, rest, of(algorithm, first))
      expect([answer.status, codeOf(answer)]).toEqual([460, 'checksum_mismatch'])
      expect(offsetOf(await client.head(path))).toBe(unit)
      expect((await client.patch(path, unit, rest, of(algorithm, rest))).status).toBe(204)
    },
  )
  test.each(['sha1', 'sha1 ', 'sha1 AAAA', 'crc32 AAAAAA==', 'SHA1 x', 'sha1  x', 'sha1 %%%'])(
    '"%s" is no checksum: 400, and the offset stays',
    async (checksum) => {
      const path = await client.create({ 'upload-length': String(unit) })
      const answer = await client.patch(path, 0, pattern(unit), { 'upload-checksum': checksum })
      expect([answer.status, codeOf(answer)]).toEqual([400, 'bad_request'])
      expect(offsetOf(await client.head(path))).toBe(0)
    },
  )
  test('more than can be held is refused unread', async () => {
    const bytes = Buffer.alloc(16 * 1024 * 1024 + 1)
    const path = await client.create({ 'upload-length': String(bytes.length) })
    const answer = await client.patch(path, 0, bytes, of('sha1', bytes))
    expect([answer.status, codeOf(answer)]).toEqual([413, 'chunk_too_large'])
    expect(answer.body).toContain('16777216')
  })
  test('it counts with a creation too, of a whole file or of a part', async () => {
    const bytes = pattern(unit)
    for (const length of [unit, 2 * unit]) {
      const headers = { 'upload-length': String(length) }
      const wrong = await client.post({ ...headers, ...of('sha1', pattern(9)) }, bytes)
      expect([wrong.status, codeOf(wrong)]).toEqual([460, 'checksum_mismatch'])
      expectNothingIn(driveway)
    }
    const right = await client.post({ 'upload-length': String(unit), ...of('sha1', bytes) }, bytes)
    expect(right.status).toBe(201)
  })
})

describe('expiration', () => {
  test('creation, PATCH and HEAD tell the end of an unfinished upload, six days on', async () => {
    const ends = new Date(time + 6 * day).toUTCString()
    const bytes = pattern(2 * unit)
    const answer = await client.post({ 'upload-length': String(2 * unit) })
    const path = pathOf(answer.headers.location)
    const patch = await client.patch(path, 0, bytes.subarray(0, unit))
    const head = await client.head(path)
    const told = [answer, patch, head].map(({ headers }) => headers['upload-expires'])
    expect(told).toEqual([ends, ends, ends])
    const last = await client.patch(path, unit, bytes.subarray(unit))
    expect(last.headers['upload-expires']).toBeUndefined()
  })
  test('after it, or once Drive has dropped the session, the upload is gone (case 69)', async () => {
    const path = await client.create({ 'upload-length': String(2 * unit) })
    const dropped = await client.create({ 'upload-length': String(2 * unit) })
    driveway.google.drive.forgetSessions()
    time += 6 * day
    const answers = [await client.head(path), await client.patch(path, 0, pattern(unit))]
    time -= 6 * day
    answers.push(await client.head(dropped), await client.patch(dropped, 0, pattern(unit)))
    expect(answers.map(({ status }) => status)).toEqual([410, 410, 410, 410])
    expect(codeOf(answers[3] as { body: string })).toBe('upload_gone')
  })
})

describe('termination', () => {
  test('ends the upload at Drive; afterwards it is gone (case 69)', async () => {
    const path = await client.create({ 'upload-length': String(2 * unit) })
    await client.patch(path, 0, pattern(unit))
    const answer = await client.remove(path)
    expect([answer.status, answer.body]).toEqual([204, ''])
    expectNothingIn(driveway)
    for (const method of ['HEAD', 'DELETE', 'PATCH']) {
      const headers = { 'upload-offset': String(unit), 'content-type': bodyType }
      expect((await client.ask(method, path, headers)).status).toBe(410)
    }
  })
  test('takes a file that is whole out of Drive again', async () => {
    const path = await client.create({ 'upload-length': '5' })
    await client.patch(path, 0, pattern(5))
    expect(stored()).toHaveLength(1)
    expect((await client.remove(path)).status).toBe(204)
    expectNothingIn(driveway)
    expect((await client.head(path)).status).toBe(410)
  })
})
