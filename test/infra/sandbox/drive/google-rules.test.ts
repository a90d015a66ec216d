/** Rules in which the sandbox follows reports of how Google behaves. */
import { afterEach, describe, expect, test } from '@jest/globals'
import { request } from 'node:http'
import { gunzipSync } from 'node:zlib'
import { createRelatedParser } from '../../../../infra/sandbox/drive/multipart.ts'
import { randomContent, reasonOf, sha256, unit, withDrive } from './fixture.ts'

let now = Date.parse('2026-01-01T00:00:00Z')
const fixture = withDrive({ now: () => now })
const tolerant = withDrive({ resentBytes: 'accept' })
const { send } = fixture

afterEach(() => {
  now += 60_000
})

const folderType = 'application/vnd.google-apps.folder'

async function create(body: object = {}, as = 'full'): Promise<string> {
  return (await send('POST', '/drive/v3/files', { as, body })).json.id
}

const exists = (id: string) => fixture.drive.file(id) !== undefined

async function timesOf(id: string): Promise<{ modifiedTime: string; version: string }> {
  return (await send('GET', `/drive/v3/files/${id}?fields=modifiedTime,version`)).json
}

const patch = (id: string, body: object, query = '') =>
  send('PATCH', `/drive/v3/files/${id}${query}`, { body })

describe('files.update', () => {
  test('moves modifiedTime with the name and the content only', async () => {
    const folder = await create({ mimeType: folderType })
    const id = await create({ name: 'a' })
    const { modifiedTime: created } = await timesOf(id)
    for (const body of [
      { starred: true },
      { description: 'text' },
      { appProperties: { k: 'v' } },
      { trashed: true },
      { trashed: false },
      { name: 'a' },
    ]) {
      now += 1000
      const before = await timesOf(id)
      expect((await patch(id, body)).status).toBe(200)
      const after = await timesOf(id)
      expect([body, after.modifiedTime]).toEqual([body, created])
      expect(Number(after.version)).toBeGreaterThan(Number(before.version))
    }
    now += 1000
    await patch(id, {}, `?addParents=${folder}`)
    expect((await timesOf(id)).modifiedTime).toBe(created)
    await patch(id, { name: 'b' })
    expect((await timesOf(id)).modifiedTime).toBe(new Date(now).toISOString())
    now += 1000
    await send('PATCH', `/upload/drive/v3/files/${id}?uploadType=media`, { body: 'new' })
    expect((await timesOf(id)).modifiedTime).toBe(new Date(now).toISOString())
    await patch(id, { name: 'c', modifiedTime: '2020-01-01T00:00:00.000Z' })
    expect((await timesOf(id)).modifiedTime).toBe('2020-01-01T00:00:00.000Z')
  })

  test('moves the owner’s file with addParents alone, and rejects it for others', async () => {
    const [from, to] = [
      await create({ mimeType: folderType }),
      await create({ mimeType: folderType }),
    ]
    const id = await create({ parents: [from] })
    const moved = await patch(id, {}, `?addParents=${to}&fields=parents`)
    expect([moved.status, moved.json]).toEqual([200, { parents: [to] }])
    fixture.drive.share(from, 'ben', 'writer')
    fixture.drive.share(to, 'ben', 'writer')
    const path = `/drive/v3/files/${id}?addParents=${from}`
    const rejected = await send('PATCH', path, { as: 'ben', body: {} })
    expect([rejected.status, reasonOf(rejected)]).toEqual([403, 'cannotAddParent'])
    const both = await patch(id, {}, `?addParents=${from},${to}`)
    expect([both.status, reasonOf(both)]).toEqual([403, 'cannotAddParent'])
  })
})

test('files.create rejects two parents with cannotAddParent', async () => {
  const folder = await create({ mimeType: folderType })
  const rejected = await send('POST', '/drive/v3/files', { body: { parents: ['root', folder] } })
  expect([rejected.status, reasonOf(rejected)]).toEqual([403, 'cannotAddParent'])
})

const list = (query: Record<string, string>) =>
  send('GET', `/drive/v3/files?${new URLSearchParams(query).toString()}`)

const names = async (q: string, orderBy = 'name') =>
  ((await list({ q, orderBy })).json.files as { name: string }[]).map(({ name }) => name)

describe('files.list', () => {
  test('accepts asc in orderBy', async () => {
    for (const name of ['order b', 'order a', 'order c']) await create({ name })
    const q = "name contains 'order'"
    expect(await names(q, 'name asc')).toEqual(['order a', 'order b', 'order c'])
    expect(await names(q, 'folder,name  desc')).toEqual(['order c', 'order b', 'order a'])
    for (const orderBy of ['name ascending', 'name asc desc', 'name up', 'asc']) {
      expect([orderBy, (await list({ orderBy })).status]).toEqual([orderBy, 400])
    }
  })

  test('rejects orderBy with a fullText term as forbidden', async () => {
    const rejected = await list({ q: "fullText contains 'a'", orderBy: 'name' })
    expect([rejected.status, reasonOf(rejected)]).toEqual([403, 'forbidden'])
  })

  test('reads `trashed` and `starred` alone as true', async () => {
    const bare = await create({ name: 'bare starred' })
    await create({ name: 'bare plain' })
    await send('PATCH', `/drive/v3/files/${bare}`, { body: { starred: true } })
    expect(await names("starred and name contains 'bare'")).toEqual(['bare starred'])
    expect(await names("name contains 'bare' and not starred")).toEqual(['bare plain'])
    expect(await names("not trashed and name contains 'bare'")).toHaveLength(2)
    await send('PATCH', `/drive/v3/files/${bare}`, { body: { trashed: true } })
    expect(await names('trashed')).toContain('bare starred')
    expect((await list({ q: 'name' })).status).toBe(400)
  })

  test('accepts strings in double quotes', async () => {
    const name = 'double "quoted" it\'s \\ done'
    await create({ name })
    expect(await names('name = "double \\"quoted\\" it\'s \\\\ done"')).toEqual([name])
    expect(await names("name = 'double \"quoted\" it\\'s \\\\ done'")).toEqual([name])
    for (const q of ['name = "open', 'name = "a\'', 'name = "bad \\n"']) {
      expect([q, (await list({ q })).status]).toEqual([q, 400])
    }
  })
})

test('about.get returns the import and export formats', async () => {
  const { json } = await send('GET', '/drive/v3/about?fields=importFormats,exportFormats')
  expect(json.exportFormats['application/vnd.google-apps.document']).toContain('application/pdf')
  expect(json.importFormats['text/csv']).toContain('application/vnd.google-apps.spreadsheet')
})

describe('DELETE /drive/v3/files/trash', () => {
  test('deletes the owner’s trashed files for good, and no others', async () => {
    const [kept, trashed, folder] = [
      await create(),
      await create(),
      await create({ mimeType: folderType }),
    ]
    const inside = await create({ parents: [folder] })
    for (const id of [trashed, folder]) {
      await send('PATCH', `/drive/v3/files/${id}`, { body: { trashed: true } })
    }
    const bens = await create({}, 'ben')
    await send('PATCH', `/drive/v3/files/${bens}`, { as: 'ben', body: { trashed: true } })
    const rejected = await send('DELETE', '/drive/v3/files/trash', { as: 'own' })
    expect([rejected.status, reasonOf(rejected)]).toEqual([403, 'insufficientPermissions'])
    expect((await send('DELETE', '/drive/v3/files/trash')).status).toBe(204)
    expect([kept, trashed, folder, inside, bens].map(exists)).toEqual([
      true,
      false,
      false,
      false,
      true,
    ])
  })
})

const get = (headers: Record<string, string>) =>
  new Promise<{ encoding: string | undefined; body: Buffer }>((resolve, reject) => {
    const url = `${fixture.sandbox.url}/drive/v3/about?fields=user`
    request(url, { headers: { authorization: 'Bearer full', ...headers } }, (res) => {
      const parts: Buffer[] = []
      res.on('data', (part: Buffer) => parts.push(part))
      res.on('end', () =>
        resolve({ encoding: res.headers['content-encoding'], body: Buffer.concat(parts) }),
      )
    })
      .on('error', reject)
      .end()
  })

describe('JSON', () => {
  const gzip = { 'accept-encoding': 'gzip, deflate' }

  test('is compressed for Accept-Encoding: gzip and an agent that contains "gzip"', async () => {
    const plain = await get({})
    expect(plain.encoding).toBeUndefined()
    expect((await get(gzip)).encoding).toBeUndefined()
    expect((await get({ 'user-agent': 'client (gzip)' })).encoding).toBeUndefined()
    const compressed = await get({ ...gzip, 'user-agent': 'client (gzip)' })
    expect(compressed.encoding).toBe('gzip')
    expect(gunzipSync(compressed.body)).toEqual(plain.body)
  })
})

describe('multipart/related with bare line feeds', () => {
  // As Python's email package writes it on Linux.
  const body = [
    '--===b==',
    'Content-Type: application/json',
    'MIME-Version: 1.0',
    '',
    '{"name": "lf.txt"}',
    '--===b==',
    'Content-Type: text/plain',
    'MIME-Version: 1.0',
    'Content-Transfer-Encoding: binary',
    '',
    'one\r\ntwo\n--==\n\n',
    '--===b==--',
  ].join('\n')

  test('is stored byte for byte', async () => {
    const created = await send('POST', '/upload/drive/v3/files?uploadType=multipart', {
      headers: { 'content-type': 'multipart/related; boundary="===b=="' },
      body,
    })
    expect(created.json).toMatchObject({ name: 'lf.txt', mimeType: 'text/plain' })
    expect(String(await fixture.drive.contentOf(created.json.id))).toBe('one\r\ntwo\n--==\n\n')
  })

  test('is parsed the same for every split of the body', () => {
    const bytes = Buffer.from(body)
    for (let cut = 0; cut <= bytes.length; cut++) {
      const media: Buffer[] = []
      const parser = createRelatedParser('multipart/related; boundary="===b=="', {
        head: () => {},
        media(part) {
          media.push(part)
          return undefined
        },
      })
      void parser.write(bytes.subarray(0, cut))
      void parser.write(bytes.subarray(cut))
      parser.end()
      expect([cut, String(Buffer.concat(media))]).toEqual([cut, 'one\r\ntwo\n--==\n\n'])
    }
  })
})

const resend = async ({ open, put, status }: typeof fixture) => {
  const whole = randomContent(unit * 3 + 5)
  const uri = await open()
  await put(uri, whole.subarray(0, unit * 2), 0, '*')
  const again = await put(uri, whole.subarray(0, unit * 2), 0, '*')
  const overlap = await put(uri, whole.subarray(unit), unit, whole.length)
  const gap = await put(await open(), whole.subarray(0, unit), unit * 9, '*')
  return { whole, again, overlap, gap, state: await status(uri) }
}

describe('bytes that are stored already', () => {
  test('are rejected with 503 by default', async () => {
    const { again, overlap, gap, state } = await resend(fixture)
    expect([again.status, overlap.status, gap.status]).toEqual([503, 503, 503])
    expect(state.headers.get('range')).toBe(`bytes=0-${unit * 2 - 1}`)
  })

  test('are ignored with resentBytes: accept, unlike a gap', async () => {
    const { whole, again, overlap, gap } = await resend(tolerant)
    expect([again.status, again.headers.get('range')]).toEqual([308, `bytes=0-${unit * 2 - 1}`])
    expect(overlap.json.sha256Checksum).toBe(sha256(whole))
    expect(gap.status).toBe(503)
  })
})
