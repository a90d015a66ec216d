/** The destination of a tus upload, and direct uploads from a page to Drive. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { pattern, sha256Of } from '../../faults/fixture.ts'
import { expectProblem } from '../../kit/requests.ts'
import { expectNothingStored, startUploadGateway } from '../../kit/upload.ts'
import type { UploadGateway } from '../../kit/upload.ts'
import { chunkUnit, createTusClient, encodeMetadata, offsetOf, pathOf } from '../../kit/tus.ts'
import type { TusClient } from '../../kit/tus.ts'

const allowedOrigin = 'https://friend.example'
const folderType = 'application/vnd.google-apps.folder'
let driveway: UploadGateway
let client: TusClient

beforeAll(async () => {
  driveway = await startUploadGateway({
    env: { ALLOWED_ORIGINS: allowedOrigin },
    gateway: { chunkBytes: chunkUnit },
  })
  client = createTusClient(driveway)
})
afterAll(() => driveway.close())
beforeEach(() => {
  driveway.resetUploads()
  driveway.google.drive.expireSessions()
})

const upload = (path: string, more: Record<string, string> = {}) => {
  const metadata = encodeMetadata({ filename: 'a.txt', path, ...more })
  return client.post({ 'upload-length': '5', 'upload-metadata': metadata }, pattern(5))
}

describe('the path of Upload-Metadata', () => {
  test('names folders that concurrent uploads create once', async () => {
    const responses = await Promise.all(
      ['Trip/Day 1', 'Trip/Day 2', 'Trip'].map((path) => upload(path)),
    )
    expect(responses.map(({ status }) => status)).toEqual([201, 201, 201])
    const stored = driveway.uploaded()
    const folders = stored.filter(({ mimeType }) => mimeType === folderType)
    expect(folders.map(({ name }) => name).toSorted()).toEqual(['Day 1', 'Day 2', 'Trip'])
    const named = new Map(folders.map(({ id, name }) => [id, name]))
    const parents = stored.filter(({ name }) => name === 'a.txt').map(({ parents: [id] }) => id)
    const names = parents.map((id) => named.get(id ?? '') ?? '')
    expect(names.toSorted()).toEqual(['Day 1', 'Day 2', 'Trip'])
  })

  test('is below the folder of Upload-Metadata', async () => {
    await upload('Below')
    const [below] = driveway.uploaded().filter(({ name }) => name === 'Below')
    driveway.resetUploads()
    expect((await upload('Deeper', { folder: below?.id ?? '' })).status).toBe(201)
    const deeper = driveway.uploaded().find(({ name }) => name === 'Deeper')
    expect(deeper?.parents).toEqual([below?.id])
  })

  test.each(['', '/', '/a', 'a/', 'a//b', '../a', 'a/./b', 'a\\b', ' ', 'a\tb', 'x'.repeat(1025)])(
    'is rejected with invalid_path when it is %j, and ignored when it is empty',
    async (path) => {
      const response = await upload(path)
      // A key without a value is ignored.
      if (path === '') return expect(response.status).toBe(201)
      expectProblem(response, 400, 'invalid_path')
      expectNothingStored(driveway)
    },
  )
})

describe('Driveway-Direct', () => {
  const length = 3 * chunkUnit + 5
  const bytes = pattern(length)
  const creation = { 'upload-length': String(length), 'driveway-direct': '1' }
  const fromPage = { origin: allowedOrigin }
  const create = async (headers: Record<string, string> = fromPage) => {
    const metadata = { 'upload-metadata': encodeMetadata({ filename: 'direct.bin' }) }
    const response = await client.post({ ...creation, ...metadata, ...headers })
    expect([response.status, response.body]).toEqual([201, ''])
    const url = String(response.headers['driveway-direct-url'] ?? '')
    return { path: pathOf(response.headers.location), url }
  }
  const put = (url: string, start: number, end: number, origin = allowedOrigin) =>
    fetch(url, {
      method: 'PUT',
      headers: { origin, 'content-range': `bytes ${start}-${end - 1}/${length}` },
      body: Uint8Array.from(bytes.subarray(start, end)),
      redirect: 'manual',
    })

  test('returns the session URI, and a file may be sent partly to Drive and partly to the gateway', async () => {
    const { path, url } = await create()
    const response = await put(url, 0, chunkUnit)
    expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([
      308,
      allowedOrigin,
    ])
    expect(offsetOf(await client.head(path))).toBe(chunkUnit)
    const rest = await client.patch(path, chunkUnit, bytes.subarray(chunkUnit))
    expect([rest.status, rest.headers['driveway-file-sha256']]).toEqual([204, sha256Of(bytes)])
  })

  test('HEAD describes a file whose bytes Drive received directly', async () => {
    const { path, url } = await create()
    expect((await put(url, 0, length)).status).toBe(200)
    const { headers } = await client.head(path)
    expect([headers['upload-offset'], headers['driveway-file-sha256']]).toEqual([
      String(length),
      sha256Of(bytes),
    ])
    expect(headers['driveway-direct-url']).toBeUndefined()
  })

  test('returns the session URI again to the same origin only', async () => {
    const { path, url } = await create()
    const headUrl = async (headers: Record<string, string>) =>
      (await client.request('HEAD', path, headers)).headers['driveway-direct-url']
    expect(await headUrl({ 'driveway-direct': '1', ...fromPage })).toBe(url)
    expect(await headUrl({ ...fromPage })).toBeUndefined()
    expect(await headUrl({ 'driveway-direct': '1', origin: driveway.origin })).toBeUndefined()
    expect(await headUrl({ 'driveway-direct': '1' })).toBeUndefined()
    const own = await create({ origin: driveway.origin })
    const headResponse = await client.request('HEAD', own.path, { 'driveway-direct': '1' })
    expect(headResponse.headers['driveway-direct-url']).toBe(own.url)
  })

  test('returns a session URI that Drive does not admit from another origin', async () => {
    const { url } = await create()
    const response = await put(url, 0, chunkUnit, 'https://evil.example')
    expect(response.headers.get('access-control-allow-origin')).toBeNull()
  })

  test('returns a session URI that DELETE invalidates', async () => {
    const { path, url } = await create()
    expect((await client.remove(path)).status).toBe(204)
    expect((await put(url, 0, chunkUnit)).status).toBe(404)
    await driveway.settled()
  })

  test('is rejected from an unknown origin, and with another value', async () => {
    const foreign = await client.post({ ...creation, origin: 'https://evil.example' })
    expectProblem(foreign, 403, 'origin_not_allowed')
    const invalid = await client.post({ ...creation, 'driveway-direct': 'yes' })
    expectProblem(invalid, 400, 'bad_request')
  })

  test('returns no session URI without an Origin', async () => {
    expect((await create({})).url).toBe('')
  })
})
