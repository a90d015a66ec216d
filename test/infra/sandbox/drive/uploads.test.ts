import { describe, expect, test } from '@jest/globals'
import { randomContent, reasonOf, sendPart, sha256, unit, withDrive } from './fixture.ts'

const fixture = withDrive()
const { open, put, send, status } = fixture

const generate = async () => {
  const { json } = await send('GET', '/drive/v3/files/generateIds?count=1')
  return (json as { ids: string[] }).ids[0] ?? ''
}

const related = (body: string | Buffer, type = 'multipart/related; boundary=b') =>
  send('POST', '/upload/drive/v3/files?uploadType=multipart&fields=name,mimeType,size,id', {
    headers: { 'content-type': type },
    body,
  })

const head = '--b\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{"name":"m"}\r\n'

const media = (text: string) => `--b\r\nContent-Type: text/x\r\n\r\n${text}\r\n`

describe('a resumable upload', () => {
  test('in one PUT creates a file and returns the fields of the opening request', async () => {
    const whole = randomContent(unit + 17)
    const uri = await open({ name: 'one.bin', mimeType: 'application/x-one' })
    expect(new URL(uri).origin).toBe(fixture.sandbox.url)
    const before = await send('GET', "/drive/v3/files?q=name='one.bin'")
    expect(before.json.files).toEqual([])
    const created = await send('PUT', uri, { as: null, body: whole })
    expect(created.status).toBe(200)
    expect(created.json).toEqual({
      id: expect.any(String),
      name: 'one.bin',
      mimeType: 'application/x-one',
      size: String(whole.length),
      sha256Checksum: sha256(whole),
    })
    expect(await fixture.drive.contentOf(created.json.id)).toEqual(whole)
  })

  test('in chunks returns the stored range after each chunk', async () => {
    const whole = randomContent(unit * 3 + 5)
    const uri = await open({ name: 'chunks' }, { headers: { 'x-upload-content-type': 'a/b' } })
    const first = await put(uri, whole.subarray(0, unit), 0, '*')
    expect([first.status, first.headers.get('range')]).toEqual([308, `bytes=0-${unit - 1}`])
    const second = await put(uri, whole.subarray(unit, unit * 3), unit, '*')
    expect([second.status, second.headers.get('range')]).toEqual([308, `bytes=0-${unit * 3 - 1}`])
    const last = await put(uri, whole.subarray(unit * 3), unit * 3, whole.length)
    expect(last.json).toMatchObject({ sha256Checksum: sha256(whole), mimeType: 'a/b' })
    const again = await status(uri)
    expect([again.status, again.json]).toEqual([200, last.json])
  })

  test('rejects a chunk before the last that is not a multiple of 256 KiB', async () => {
    const uri = await open()
    for (const total of ['*', 10_000_000] as const) {
      const rejected = await put(uri, randomContent(unit + 1), 0, total)
      expect([rejected.status, reasonOf(rejected)]).toEqual([400, 'badRequest'])
    }
    expect((await status(uri)).headers.get('range')).toBeNull()
  })

  test('rejects a gap and stored bytes with 503', async () => {
    const uri = await open()
    await put(uri, randomContent(unit * 2), 0, '*')
    expect((await put(uri, randomContent(unit), unit * 3, '*')).status).toBe(503)
    expect((await put(uri, randomContent(unit), unit, '*')).status).toBe(503)
    expect((await status(uri)).headers.get('range')).toBe(`bytes=0-${unit * 2 - 1}`)
  })

  test('rejects a length other than the announced one', async () => {
    const uri = await open({}, { headers: { 'x-upload-content-length': '1000' } })
    expect((await put(uri, randomContent(999), 0, 999)).status).toBe(400)
    expect((await status(uri, 999)).status).toBe(400)
    expect((await put(uri, randomContent(1000), 0, 1000)).status).toBe(200)
  })

  test.each([
    'bytes 0-/10',
    'bytes 5-4/10',
    'bytes 0-9/9',
    'bytes 0-*/*',
    'octets 0-9/10',
    'bytes 0--1/0',
    '0-9/10',
  ])('rejects Content-Range %p', async (range) => {
    const uri = await open()
    const rejected = await send('PUT', uri, {
      as: null,
      headers: { 'content-range': range },
      body: randomContent(10),
    })
    expect(rejected.status).toBe(400)
  })

  test('rejects a Content-Range that contradicts Content-Length', async () => {
    const uri = await open()
    const headers = { 'content-range': 'bytes 0-9/10' }
    expect((await send('PUT', uri, { as: null, headers, body: randomContent(9) })).status).toBe(400)
  })

  test('keeps the whole units of an interrupted PUT and resumes there', async () => {
    const whole = randomContent(unit * 4)
    const uri = await open()
    await sendPart(
      uri,
      { 'content-length': whole.length, 'content-range': `bytes 0-${whole.length - 1}/*` },
      whole.subarray(0, unit * 2 + 1000),
    )
    const state = await status(uri)
    expect([state.status, state.headers.get('range')]).toEqual([308, `bytes=0-${unit * 2 - 1}`])
    const done = await put(uri, whole.subarray(unit * 2), unit * 2, whole.length)
    expect(done.json.sha256Checksum).toBe(sha256(whole))
  })

  test('returns no Range when nothing is stored', async () => {
    const uri = await open()
    const state = await status(uri, 1000)
    expect([state.status, state.headers.has('range')]).toEqual([308, false])
  })

  test('of unknown length completes with a status query that has the total', async () => {
    const uri = await open()
    const whole = randomContent(unit)
    await put(uri, whole, 0, '*')
    expect((await status(uri, unit - 1)).status).toBe(400)
    const done = await status(uri, unit)
    expect([done.status, done.json.sha256Checksum]).toEqual([200, sha256(whole)])
  })

  test('of zero bytes completes with or without Content-Range', async () => {
    const plain = await send('PUT', await open(), { as: null, body: '' })
    const ranged = await status(await open(), 0)
    for (const { status: code, json } of [plain, ranged]) {
      expect([code, json.size, json.sha256Checksum]).toEqual([200, '0', sha256(Buffer.alloc(0))])
    }
  })

  test('is deleted by DELETE, which returns 499', async () => {
    const uri = await open()
    await put(uri, randomContent(unit), 0, '*')
    expect((await send('DELETE', uri, { as: null })).status).toBe(499)
    expect((await status(uri)).status).toBe(404)
    expect((await send('DELETE', uri, { as: null })).status).toBe(404)
  })

  test('requires no bearer token on the session URI, but rejects an invalid one', async () => {
    const uri = await open()
    const headers = { 'content-range': 'bytes */*' }
    const wrong = await send('PUT', uri, { as: 'stale', headers, body: '' })
    expect([wrong.status, reasonOf(wrong)]).toEqual([401, 'authError'])
    expect((await send('PUT', uri, { as: 'ben', headers, body: '' })).status).toBe(403)
    expect((await send('PUT', uri, { as: 'own', headers, body: '' })).status).toBe(308)
  })

  test('replaces a stalled request when new bytes arrive', async () => {
    const uri = await open()
    const whole = randomContent(unit * 2)
    fixture.sandbox.faults.add({ operation: 'drive.upload.chunk', stallAfterBytes: unit })
    const stalled = put(uri, whole, 0, whole.length).catch(() => 'cut')
    while ((await status(uri)).headers.get('range') === null);
    const done = await put(uri, whole.subarray(unit), unit, whole.length)
    expect(done.json.sha256Checksum).toBe(sha256(whole))
    expect(await stalled).toBe('cut')
  })

  test('replaces the content of a file with PATCH', async () => {
    const created = await send('POST', '/upload/drive/v3/files?uploadType=media', {
      body: 'before',
    })
    const path = `/upload/drive/v3/files/${created.json.id}?uploadType=resumable&fields=id,size`
    const opened = await send('PATCH', path, { body: { name: 'after.txt' } })
    const done = await send('PUT', opened.headers.get('location') ?? '', { body: 'after!!' })
    expect(done.json).toEqual({ id: created.json.id, size: '7' })
    expect(String(await fixture.drive.contentOf(created.json.id))).toBe('after!!')
  })
})

describe('ids from generateIds', () => {
  test('are returned in the requested number', async () => {
    const many = await send('GET', '/drive/v3/files/generateIds?count=1000')
    expect(new Set(many.json.ids).size).toBe(1000)
    for (const count of ['0', '1001', 'x']) {
      expect((await send('GET', `/drive/v3/files/generateIds?count=${count}`)).status).toBe(400)
    }
  })

  test('create one file: a second opening and a second completion return 409', async () => {
    const id = await generate()
    const uris = [await open({ id }), await open({ id })]
    expect((await send('PUT', uris[0]!, { as: null, body: 'a' })).json.id).toBe(id)
    const repeated = await send('PUT', uris[1]!, { as: null, body: 'a' })
    expect([repeated.status, repeated.json.error.message]).toEqual([
      409,
      'A file already exists with the provided ID.',
    ])
    const path = '/upload/drive/v3/files?uploadType=resumable'
    expect((await send('POST', path, { body: { id } })).status).toBe(409)
    expect((await status(uris[0]!)).json.id).toBe(id)
  })

  test('are the only ids that a client may use', async () => {
    const path = '/upload/drive/v3/files?uploadType=resumable'
    expect((await send('POST', path, { body: { id: 'my-own-id' } })).status).toBe(400)
    const id = await generate()
    expect((await send('POST', path, { as: 'ben', body: { id } })).status).toBe(400)
  })
})

describe('an upload in one request', () => {
  test('of media alone creates a file named Untitled', async () => {
    const created = await send('POST', '/upload/drive/v3/files?uploadType=media', {
      headers: { 'content-type': 'text/plain' },
      body: 'hello',
    })
    expect(created.json).toMatchObject({ name: 'Untitled', mimeType: 'text/plain' })
    expect(String(await fixture.drive.contentOf(created.json.id))).toBe('hello')
  })

  test('of metadata and media stores both', async () => {
    const created = await related(`${head}${media('a\r\n--not b\r\n')}--b--`)
    expect(created.json).toMatchObject({ name: 'm', mimeType: 'text/x', size: '12' })
    const empty = await related(`${head}${media('')}--b--\r\n`, 'multipart/related; boundary="b"')
    expect(empty.json).toMatchObject({ size: '0' })
  })

  test.each([
    ['one part', `${head}--b--`],
    ['three parts', `${head}${media('a')}${media('b')}--b--`],
    ['no closing delimiter', `${head}${media('a')}`],
    [
      'metadata that is not JSON',
      `--b\r\nContent-Type: application/json\r\n\r\nx\r\n${media('a')}--b--`,
    ],
    ['media first', `${media('a')}${head}--b--`],
  ])('is rejected with %s', async (_, body) => {
    expect((await related(body)).status).toBe(400)
  })

  test('is rejected without a boundary, and with another type', async () => {
    expect((await related(head, 'multipart/related')).status).toBe(400)
    expect((await related(head, 'multipart/form-data; boundary=b')).status).toBe(400)
  })

  test('is parsed the same for every split of the body', async () => {
    const { createRelatedParser } = await import('../../../../infra/sandbox/drive/multipart.ts')
    const body = Buffer.from(`${head}${media('x\r\n--\r\n--a\r\r\n')}--b--\r\n`)
    for (let cut = 0; cut <= body.length; cut++) {
      const received: Buffer[] = []
      let json = ''
      const parser = createRelatedParser('multipart/related; boundary=b', {
        head: (metadata) => (json = String(metadata)),
        media(part) {
          received.push(part)
          return undefined
        },
      })
      void parser.write(body.subarray(0, cut))
      void parser.write(body.subarray(cut))
      parser.end()
      expect([json, String(Buffer.concat(received))]).toEqual([
        '{"name":"m"}',
        'x\r\n--\r\n--a\r\r\n',
      ])
    }
  })
})

describe('CORS of a session URI', () => {
  const origin = 'https://page.example'

  test('allows the origin of the opening request only', async () => {
    const uri = await open({}, { headers: { origin } })
    const preflight = (from: string) =>
      send('OPTIONS', uri, {
        as: null,
        headers: { origin: from, 'access-control-request-method': 'PUT' },
      })
    expect((await preflight(origin)).headers.get('access-control-allow-origin')).toBe(origin)
    expect(
      (await preflight('https://evil.example')).headers.has('access-control-allow-origin'),
    ).toBe(false)
    const done = await send('PUT', uri, { as: null, headers: { origin }, body: 'x' })
    expect(done.headers.get('access-control-allow-origin')).toBe(origin)
    expect(done.headers.get('access-control-expose-headers')).not.toMatch(/\bRange\b/)
  })

  test('allows no origin when the opening request had none', async () => {
    const uri = await open()
    const done = await send('PUT', uri, { as: null, headers: { origin }, body: 'x' })
    expect(done.headers.has('access-control-allow-origin')).toBe(false)
  })
})
