/** Which files count as existing for `mode`: those of the name, in any Unicode form, with a checksum or not. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { filePart, form, send, uploadForm } from '../../kit/environment.ts'
import type { RawResponse } from '../../kit/environment.ts'
import { fieldPart } from '../../kit/multipart-fixtures.ts'
import {
  expectProblem,
  fileResult,
  fileResults,
  parseJson,
  uploadFile,
} from '../../kit/requests.ts'
import { startUploadGateway } from '../../kit/upload.ts'
import type { UploadGateway } from '../../kit/upload.ts'

let driveway: UploadGateway

beforeAll(async () => {
  driveway = await startUploadGateway({ gateway: { sleep: () => Promise.resolve() } })
})

afterAll(() => driveway.close())

let count = 0
const newName = (): string => `e${++count}.txt`

const put = (name: string, mode: string, body = 'after', headers = {}): Promise<RawResponse> =>
  uploadFile(driveway, `${encodeURIComponent(name)}?mode=${mode}`, body, headers)

/** Stores a file of which Drive has no checksums. @returns its id */
async function storeWithoutChecksums(name: string): Promise<string> {
  const { id } = fileResult(await put(name, 'new', 'before'))
  driveway.google.drive.setConditions(id, 'noChecksums')
  return id
}

const bytesOf = async (id: string): Promise<string> =>
  (await driveway.google.drive.contentOf(id)).toString()

const filesNamed = (name: string): string[] =>
  driveway.google.drive
    .filesOf(driveway.sub)
    .filter((file) => file.name.normalize() === name.normalize())
    .map(({ id }) => id)

describe('an existing file without checksums', () => {
  test('is replaced with mode=replace, and keeps its id', async () => {
    const name = newName()
    const id = await storeWithoutChecksums(name)
    const response = await put(name, 'replace')
    expect([response.status, fileResult(response)]).toMatchObject([200, { id, replaced: true }])
    expect([filesNamed(name), await bytesOf(id)]).toEqual([[id], 'after'])
  })

  test('is returned with mode=skip, without a digest', async () => {
    const name = newName()
    const id = await storeWithoutChecksums(name)
    const response = await put(name, 'skip')
    expect([response.status, response.headers['repr-digest']]).toEqual([200, undefined])
    expect(parseJson(response)).toMatchObject({ id, name, size: 6, skipped: true })
    expect(parseJson(response)).not.toHaveProperty('sha256')
    const plain = await put(name, 'skip', 'after', { accept: 'text/plain' })
    expect(plain.body.split('\t').slice(0, 3)).toEqual([name, '6', ''])
    const body = form('b', fieldPart('mode', 'skip'), filePart(name, 'after'))
    expect(fileResults(await uploadForm(driveway, body))).toMatchObject([{ id, skipped: true }])
    expect([filesNamed(name), await bytesOf(id)]).toEqual([[id], 'before'])
  })

  test('is returned again for the same Idempotency-Key with mode=skip', async () => {
    const name = newName()
    const id = await storeWithoutChecksums(name)
    const headers = { 'idempotency-key': `"${name}"` }
    for (let attempt = 0; attempt < 2; attempt++) {
      const response = await put(name, 'skip', 'after', headers)
      expect([response.status, fileResult(response).id]).toEqual([200, id])
    }
  })

  test('refuses the upload with mode=error', async () => {
    const name = newName()
    const id = await storeWithoutChecksums(name)
    expectProblem(await put(name, 'error'), 409, 'file_exists')
    expect(filesNamed(name)).toEqual([id])
  })

  test('is downloaded, with a weak entity tag and without a digest', async () => {
    const id = await storeWithoutChecksums(newName())
    const path = `/files/${id}/content`
    const response = await send(driveway.origin, path, { headers: driveway.bearer })
    expect([response.status, response.body]).toEqual([200, 'before'])
    expect(response.headers['repr-digest']).toBeUndefined()
    expect(response.headers.etag).toMatch(/^W\//)
  })
})

describe('an existing file whose name has another Unicode form', () => {
  const [composed, decomposed] = ['Am\u00e9lie', 'Ame\u0301lie']

  test.each([
    [composed, decomposed],
    [decomposed, composed],
  ])('counts for each mode: %j and %j', async (first, second) => {
    const prefix = newName()
    const id = fileResult(await put(prefix + first, 'new', 'before')).id
    expectProblem(await put(prefix + second, 'error'), 409, 'file_exists')
    expect(fileResult(await put(prefix + second, 'skip')).id).toBe(id)
    expect(await bytesOf(id)).toBe('before')
    const replaced = await put(prefix + second, 'replace')
    expect([replaced.status, fileResult(replaced).id, await bytesOf(id)]).toEqual([
      200,
      id,
      'after',
    ])
    // The name is stored as it came.
    expect(driveway.google.drive.file(id)?.name).toBe(prefix + second)
    expect(filesNamed(prefix + first)).toEqual([id])
  })

  test('is created once by uploads at the same time', async () => {
    const prefix = newName()
    const responses = await Promise.all(
      [composed, decomposed, composed, decomposed].map((name) => put(prefix + name, 'error')),
    )
    expect(responses.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      201, 409, 409, 409,
    ])
    expect(filesNamed(prefix + composed)).toHaveLength(1)
  })

  test('is found by its recorded id while Drive does not list it', async () => {
    const prefix = newName()
    const id = fileResult(await put(prefix + composed, 'skip')).id
    const stale = { operation: 'drive.files.list', status: 200, body: '{"files":[]}', times: 2 }
    driveway.google.faults.add(stale)
    expect(fileResult(await put(prefix + decomposed, 'skip')).id).toBe(id)
    driveway.google.faults.clear()
  })

  test('is created beside the other one with mode=new', async () => {
    const prefix = newName()
    await put(prefix + composed, 'new')
    expect((await put(prefix + decomposed, 'new')).status).toBe(201)
    expect(filesNamed(prefix + composed)).toHaveLength(2)
  })
})
