import { describe, expect, test } from '@jest/globals'
import { bytes, reasonOf, sendPart, sha256, unit, withDrive } from './fixture.ts'

const kit = withDrive()
const { open, put, send, status } = kit

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
  test('in one PUT becomes a file with the fields that the opening asked for', async () => {
    const whole = bytes(unit + 17)
    const uri = await open({ name: 'one.bin', mimeType: 'application/x-one' })
    expect(new URL(uri).origin).toBe(kit.sandbox.url)
    const before = await send('GET', "/drive/v3/files?q=name='one.bin'")
    expect(before.json.files).toEqual([])
    const answer = await send('PUT', uri, { as: null, body: whole })
    expect(answer.status).toBe(200)
    expect(answer.json).toEqual({
      id: expect.any(String),
      name: 'one.bin',
      mimeType: 'application/x-one',
      size: String(whole.length),
      sha256Checksum: sha256(whole),
    })
    expect(await kit.drive.bytesOf(answer.json.id)).toEqual(whole)
  })

  test('in chunks is told after each how much is stored', async () => {
    const whole = bytes(unit * 3 + 5)
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

  test('refuses a chunk that is not the last and no multiple of 256 KiB', async () => {
    const uri = await open()
    for (const total of ['*', 10_000_000] as const) {
      const refused = await put(uri, bytes(unit + 1), 0, total)
      expect([refused.status, reasonOf(refused)]).toEqual([400, 'badRequest'])
    }
    expect((await status(uri)).headers.get('range')).toBeNull()
  })

  test('answers a gap, and bytes that are stored already, with 503', async () => {
    const uri = await open()
    await put(uri, bytes(unit * 2), 0, '*')
    expect((await put(uri, bytes(unit), unit * 3, '*')).status).toBe(503)
    expect((await put(uri, bytes(unit), unit, '*')).status).toBe(503)
    expect((await status(uri)).headers.get('range')).toBe(`bytes=0-${unit * 2 - 1}`)
  })

  test('holds the client to the length it announced', async () => {
    const uri = await open({}, { headers: { 'x-upload-content-length': '1000' } })
    expect((await put(uri, bytes(999), 0, 999)).status).toBe(400)
    expect((await status(uri, 999)).status).toBe(400)
    expect((await put(uri, bytes(1000), 0, 1000)).status).toBe(200)
  })

  test.each([
    'bytes 0-/10',
    'bytes 5-4/10',
    'bytes 0-9/9',
    'bytes 0-*/*',
    'octets 0-9/10',
    'bytes 0--1/0',
    '0-9/10',
  ])('refuses Content-Range %p', async (range) => {
    const uri = await open()
    const refused = await send('PUT', uri, {
      as: null,
      headers: { 'content-range': range },
      body: bytes(10),
    })
    expect(refused.status).toBe(400)
  })

  test('refuses a Content-Range that Content-Length contradicts', async () => {
    const uri = await open()
    const headers = { 'content-range': 'bytes 0-9/10' }
    expect((await send('PUT', uri, { as: null, headers, body: bytes(9) })).status).toBe(400)
  })

  test('keeps the whole units of an interrupted PUT and goes on from there', async () => {
    const whole = bytes(unit * 4)
    const uri = await open()
    await sendPart(
      uri,
      { 'content-length': whole.length, 'content-range': `bytes 0-${whole.length - 1}/*` },
      whole.subarray(0, unit * 2 + 1000),
    )
    const told = await status(uri)
    expect([told.status, told.headers.get('range')]).toEqual([308, `bytes=0-${unit * 2 - 1}`])
    const done = await put(uri, whole.subarray(unit * 2), unit * 2, whole.length)
    expect(done.json.sha256Checksum).toBe(sha256(whole))
  })

  test('says no Range at all when nothing is stored', async () => {
    const uri = await open()
    const told = await status(uri, 1000)
    expect([told.status, told.headers.has('range')]).toEqual([308, false])
  })

  test('of unknown length ends with a total and no byte', async () => {
    const uri = await open()
    const whole = bytes(unit)
    await put(uri, whole, 0, '*')
    expect((await status(uri, unit - 1)).status).toBe(400)
    const done = await status(uri, unit)
    expect([done.status, done.json.sha256Checksum]).toEqual([200, sha256(whole)])
  })

  test('of nothing ends with or without Content-Range', async () => {
    const plain = await send('PUT', await open(), { as: null, body: '' })
    const ranged = await status(await open(), 0)
    for (const { status: code, json } of [plain, ranged]) {
      expect([code, json.size, json.sha256Checksum]).toEqual([200, '0', sha256(Buffer.alloc(0))])
    }
  })

  test('that is cancelled answers 499 and is gone', async () => {
    const uri = await open()
    await put(uri, bytes(unit), 0, '*')
    expect((await send('DELETE', uri, { as: null })).status).toBe(499)
    expect((await status(uri)).status).toBe(404)
    expect((await send('DELETE', uri, { as: null })).status).toBe(404)
  })

  test('needs no bearer on the session URI, but refuses a wrong one', async () => {
    const uri = await open()
    const headers = { 'content-range': 'bytes */*' }
    const wrong = await send('PUT', uri, { as: 'stale', headers, body: '' })
    expect([wrong.status, reasonOf(wrong)]).toEqual([401, 'authError'])
    expect((await send('PUT', uri, { as: 'ben', headers, body: '' })).status).toBe(403)
    expect((await send('PUT', uri, { as: 'own', headers, body: '' })).status).toBe(308)
  })

  test('lets new bytes take the place of a request that has stalled', async () => {
    const uri = await open()
    const whole = bytes(unit * 2)
    kit.sandbox.faults.add({ operation: 'drive.upload.chunk', stallAfterBytes: unit })
    const stalled = put(uri, whole, 0, whole.length).catch(() => 'cut')
    while ((await status(uri)).headers.get('range') === null);
    const done = await put(uri, whole.subarray(unit), unit, whole.length)
    expect(done.json.sha256Checksum).toBe(sha256(whole))
    expect(await stalled).toBe('cut')
  })

  test('replaces the content of a file with PATCH', async () => {
    const made = await send('POST', '/upload/drive/v3/files?uploadType=media', { body: 'before' })
    const path = `/upload/drive/v3/files/${made.json.id}?uploadType=resumable&fields=id,size`
    const opened = await send('PATCH', path, { body: { name: 'after.txt' } })
    const done = await send('PUT', opened.headers.get('location') ?? '', { body: 'after!!' })
    expect(done.json).toEqual({ id: made.json.id, size: '7' })
    expect(String(await kit.drive.bytesOf(made.json.id))).toBe('after!!')
  })
})

describe('ids from generateIds', () => {
  test('come in the number that was asked for', async () => {
    const many = await send('GET', '/drive/v3/files/generateIds?count=1000')
    expect(new Set(many.json.ids).size).toBe(1000)
    for (const count of ['0', '1001', 'x']) {
      expect((await send('GET', `/drive/v3/files/generateIds?count=${count}`)).status).toBe(400)
    }
  })

  test('make a file once: a second opening and a second ending get 409', async () => {
    const id = await generate()
    const uris = [await open({ id }), await open({ id })]
    expect((await send('PUT', uris[0]!, { as: null, body: 'a' })).json.id).toBe(id)
    const ended = await send('PUT', uris[1]!, { as: null, body: 'a' })
    expect([ended.status, ended.json.error.message]).toEqual([
      409,
      'A file already exists with the provided ID.',
    ])
    const path = '/upload/drive/v3/files?uploadType=resumable'
    expect((await send('POST', path, { body: { id } })).status).toBe(409)
    expect((await status(uris[0]!)).json.id).toBe(id)
  })

  test('are the only ids that a client may choose', async () => {
    const path = '/upload/drive/v3/files?uploadType=resumable'
    expect((await send('POST', path, { body: { id: 'my-own-id' } })).status).toBe(400)
    const id = await generate()
    expect((await send('POST', path, { as: 'ben', body: { id } })).status).toBe(400)
  })
})

describe('an upload in one request', () => {
  test('of bytes alone is called Untitled', async () => {
    const made = await send('POST', '/upload/drive/v3/files?uploadType=media', {
      headers: { 'content-type': 'text/plain' },
      body: 'hello',
    })
    expect(made.json).toMatchObject({ name: 'Untitled', mimeType: 'text/plain' })
    expect(String(await kit.drive.bytesOf(made.json.id))).toBe('hello')
  })

  test('of metadata and bytes takes both', async () => {
    const made = await related(`${head}${media('a\r\n--not b\r\n')}--b--`)
    expect(made.json).toMatchObject({ name: 'm', mimeType: 'text/x', size: '12' })
    const empty = await related(`${head}${media('')}--b--\r\n`, 'multipart/related; boundary="b"')
    expect(empty.json).toMatchObject({ size: '0' })
  })

  test.each([
    ['one part', `${head}--b--`],
    ['three parts', `${head}${media('a')}${media('b')}--b--`],
    ['no closing delimiter', `${head}${media('a')}`],
    [
      'metadata that is no JSON',
      `--b\r\nContent-Type: application/json\r\n\r\nx\r\n${media('a')}--b--`,
    ],
    ['media first', `${media('a')}${head}--b--`],
  ])('is refused with %s', async (_what, body) => {
    expect((await related(body)).status).toBe(400)
  })

  test('is refused without a boundary, and with another type', async () => {
    expect((await related(head, 'multipart/related')).status).toBe(400)
    expect((await related(head, 'multipart/form-data; boundary=b')).status).toBe(400)
  })

  test('finds its delimiter wherever the network cuts the body', async () => {
    const { createRelatedParser } = await import('../../../../infra/sandbox/drive/multipart.ts')
    const body = Buffer.from(`${head}${media('x\r\n--\r\n--a\r\r\n')}--b--\r\n`)
    for (let cut = 0; cut <= body.length; cut++) {
      const got: Buffer[] = []
      let json = ''
      const parser = createRelatedParser('multipart/related; boundary=b', {
        head: (metadata) => (json = String(metadata)),
        media(part) {
          got.push(part)
          return undefined
        },
      })
      void parser.take(body.subarray(0, cut))
      void parser.take(body.subarray(cut))
      parser.end()
      expect([json, String(Buffer.concat(got))]).toEqual(['{"name":"m"}', 'x\r\n--\r\n--a\r\r\n'])
    }
  })
})

describe('a page and a session URI', () => {
  const origin = 'https://page.example'

  test('may meet only when the session was opened for the page', async () => {
    const uri = await open({}, { headers: { origin } })
    const ask = (from: string) =>
      send('OPTIONS', uri, {
        as: null,
        headers: { origin: from, 'access-control-request-method': 'PUT' },
      })
    expect((await ask(origin)).headers.get('access-control-allow-origin')).toBe(origin)
    expect((await ask('https://evil.example')).headers.has('access-control-allow-origin')).toBe(
      false,
    )
    const done = await send('PUT', uri, { as: null, headers: { origin }, body: 'x' })
    expect(done.headers.get('access-control-allow-origin')).toBe(origin)
    expect(done.headers.get('access-control-expose-headers')).not.toMatch(/\bRange\b/)
  })

  test('never meet when a server without Origin opened it', async () => {
    const uri = await open()
    const done = await send('PUT', uri, { as: null, headers: { origin }, body: 'x' })
    expect(done.headers.has('access-control-allow-origin')).toBe(false)
  })
})
