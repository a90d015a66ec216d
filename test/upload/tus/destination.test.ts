/** Where a tus upload's file goes, and bytes of it that a page sends straight to Drive. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { pattern, sha256Of } from '../../faults/fixture.ts'
import type { Uploading } from '../../kit/upload.ts'
import { expectNothingIn, startUploading } from '../../kit/upload.ts'
import { codeOf } from '../../kit/environment.ts'
import { metadata, offsetOf, pathOf, tus, unit } from '../../kit/tus.ts'
import type { Tus } from '../../kit/tus.ts'

const friend = 'https://friend.example'
const folderType = 'application/vnd.google-apps.folder'
let driveway: Uploading
let client: Tus

beforeAll(async () => {
  driveway = await startUploading({
    env: { ALLOWED_ORIGINS: friend },
    gateway: { chunkBytes: unit },
  })
  client = tus(driveway)
})
afterAll(() => driveway.close())
beforeEach(() => {
  driveway.forget()
  driveway.google.drive.forgetSessions()
})

const send = (path: string, more: Record<string, string> = {}) => {
  const said = metadata({ filename: 'a.txt', path, ...more })
  return client.post({ 'upload-length': '5', 'upload-metadata': said }, pattern(5))
}

describe('the metadata’s path', () => {
  test('names folders that are made once, also by uploads at the same time', async () => {
    const answers = await Promise.all(['Trip/Day 1', 'Trip/Day 2', 'Trip'].map((at) => send(at)))
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201])
    const stored = driveway.uploaded()
    const folders = stored.filter(({ mimeType }) => mimeType === folderType)
    expect(folders.map(({ name }) => name).toSorted()).toEqual(['Day 1', 'Day 2', 'Trip'])
    const named = new Map(folders.map(({ id, name }) => [id, name]))
    const parents = stored.filter(({ name }) => name === 'a.txt').map(({ parents: [id] }) => id)
    const names = parents.map((id) => named.get(id ?? '') ?? '')
    expect(names.toSorted()).toEqual(['Day 1', 'Day 2', 'Trip'])
  })

  test('begins in the metadata’s folder', async () => {
    await send('Below')
    const [below] = driveway.uploaded().filter(({ name }) => name === 'Below')
    driveway.forget()
    expect((await send('Deeper', { folder: below?.id ?? '' })).status).toBe(201)
    const deeper = driveway.uploaded().find(({ name }) => name === 'Deeper')
    expect(deeper?.parents).toEqual([below?.id])
  })

  test.each(['', '/', '/a', 'a/', 'a//b', '../a', 'a/./b', 'a\\b', ' ', 'a\tb', 'x'.repeat(1025)])(
    'a path that means nothing or something else is refused: %j',
    async (path) => {
      const answer = await send(path)
      // Metadata without a value is as good as none.
      if (path === '') return expect(answer.status).toBe(201)
      expect([answer.status, codeOf(answer)]).toEqual([400, 'invalid_path'])
      expectNothingIn(driveway)
    },
  )
})

describe('Driveway-Direct', () => {
  const length = 3 * unit + 5
  const bytes = pattern(length)
  const wanted = { 'upload-length': String(length), 'driveway-direct': '1' }
  const from = { origin: friend }
  const create = async (headers: Record<string, string> = from) => {
    const said = { 'upload-metadata': metadata({ filename: 'direct.bin' }) }
    const { headers: answer } = await client.post({ ...wanted, ...said, ...headers })
    return { path: pathOf(answer.location), url: String(answer['driveway-direct-url'] ?? '') }
  }
  const put = (url: string, start: number, end: number, origin = friend) =>
    fetch(url, {
      method: 'PUT',
      headers: { origin, 'content-range': `bytes ${start}-${end - 1}/${length}` },
      body: Uint8Array.from(bytes.subarray(start, end)),
      redirect: 'manual',
    })

  test('gives the address at Drive; some bytes go there, some here, and it is one file', async () => {
    const { path, url } = await create()
    const answer = await put(url, 0, unit)
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([
      308,
      friend,
    ])
    expect(offsetOf(await client.head(path))).toBe(unit)
    const rest = await client.patch(path, unit, bytes.subarray(unit))
    expect([rest.status, rest.headers['driveway-file-sha256']]).toEqual([204, sha256Of(bytes)])
  })

  test('what Drive alone has taken is told as any other upload', async () => {
    const { path, url } = await create()
    expect((await put(url, 0, length)).status).toBe(200)
    const { headers } = await client.head(path)
    expect([headers['upload-offset'], headers['driveway-file-sha256']]).toEqual([
      String(length),
      sha256Of(bytes),
    ])
    expect(headers['driveway-direct-url']).toBeUndefined()
  })

  test('is given again to the same origin that asks, and to no other', async () => {
    const { path, url } = await create()
    const ask = async (headers: Record<string, string>) =>
      (await client.ask('HEAD', path, headers)).headers['driveway-direct-url']
    expect(await ask({ 'driveway-direct': '1', ...from })).toBe(url)
    expect(await ask({ ...from })).toBeUndefined()
    expect(await ask({ 'driveway-direct': '1', origin: driveway.origin })).toBeUndefined()
    expect(await ask({ 'driveway-direct': '1' })).toBeUndefined()
    const own = await create({ origin: driveway.origin })
    const again = await client.ask('HEAD', own.path, { 'driveway-direct': '1' })
    expect(again.headers['driveway-direct-url']).toBe(own.url)
  })

  test('is of no use to the pages of another origin', async () => {
    const { url } = await create()
    const answer = await put(url, 0, unit, 'https://evil.example')
    expect(answer.headers.get('access-control-allow-origin')).toBeNull()
  })

  test('ends with the upload that is given up', async () => {
    const { path, url } = await create()
    expect((await client.remove(path)).status).toBe(204)
    expect((await put(url, 0, unit)).status).toBe(404)
    await driveway.settled()
  })

  test('an origin that is not listed, or another value, is refused', async () => {
    const evil = await client.post({ ...wanted, origin: 'https://evil.example' })
    expect([evil.status, codeOf(evil)]).toEqual([403, 'origin_not_allowed'])
    const odd = await client.post({ ...wanted, 'driveway-direct': 'yes' })
    expect([odd.status, codeOf(odd)]).toEqual([400, 'bad_request'])
  })

  test('a caller that is no page gets none', async () => {
    expect((await create({})).url).toBe('')
  })
})
