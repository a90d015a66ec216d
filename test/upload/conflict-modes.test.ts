import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { filePart, form, problemCode, startDriveway, uploadForm } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'
import { expectProblem, fileResult, fileResults, uploadFile } from '../kit/requests.ts'
import { openConnection, requestHead, startUploadGateway } from '../kit/upload.ts'
import type { UploadGateway } from '../kit/upload.ts'
import { fieldPart } from '../kit/multipart-fixtures.ts'

const folderType = 'application/vnd.google-apps.folder'
let driveway: UploadGateway
let second: Driveway

beforeAll(async () => {
  const gateway = { chunkBytes: 256 * 1024, sleep: () => Promise.resolve() }
  driveway = await startUploadGateway({ gateway })
  second = await startDriveway({ sharing: driveway, gateway })
})

afterAll(async () => {
  await second.close()
  await driveway.close()
})

afterEach(() => {
  driveway.google.faults.clear()
  driveway.resetUploads()
})

function put(path: string, body: Buffer | string = 'hello', headers = {}): Promise<RawResponse> {
  return uploadFile(driveway, path, body, headers)
}

const post = (fields: Record<string, string>, ...names: string[]): Promise<RawResponse> =>
  uploadForm(
    driveway,
    form(
      'b',
      ...Object.entries(fields).map(([name, value]) => fieldPart(name, value)),
      ...names.map((name) => filePart(name, `in a form: ${name}`)),
    ),
  )

const bytesOf = async (id: string): Promise<string> =>
  (await driveway.google.drive.contentOf(id)).toString()

/** Returns the path of a file from the root. */
function pathOf(id: string): string {
  const { drive } = driveway.google
  const file = drive.file(id)
  const [parent = ''] = file?.parents ?? []
  if (!file || parent === drive.rootOf(driveway.sub)) return file?.name ?? 'deleted'
  return `${pathOf(parent)}/${file.name}`
}

const folders = (): string[] =>
  driveway
    .uploaded()
    .filter(({ mimeType }) => mimeType === folderType)
    .map(({ id }) => pathOf(id))

let count = 0
/** Returns an unused name. */
const newName = (): string => `t${++count}`

describe('the folders of a path', () => {
  test('are created once, and found by later uploads', async () => {
    const name = newName()
    const first = fileResult(await put(`${name}/b%20c/x.bin`))
    const next = fileResult(await put(`${name}/b%20c/y.bin`))
    const [inForm] = fileResults(await post({ path: `${name}/b c` }, 'z.bin'))
    expect([first, next, inForm].map((file) => pathOf(file?.id ?? ''))).toEqual([
      `${name}/b c/x.bin`,
      `${name}/b c/y.bin`,
      `${name}/b c/z.bin`,
    ])
    expect(folders()).toEqual([name, `${name}/b c`])
  })

  test('are created below the folder with the given id', async () => {
    const name = newName()
    await put(`${name}/x`)
    const [top] = driveway.uploaded().filter((file) => file.name === name)
    const raw = fileResult(await put(`in/y?folder=${top?.id}`))
    const [inForm] = fileResults(await post({ folder: top?.id ?? '', path: 'in' }, 'z'))
    expect([pathOf(raw.id), pathOf(inForm?.id ?? '')]).toEqual([`${name}/in/y`, `${name}/in/z`])
  })

  test('match names exactly, although Drive ignores case', async () => {
    const name = newName()
    await put(`${name}/x`)
    expect(pathOf(fileResult(await put(`${name.toUpperCase()}/x`)).id)).toBe(
      `${name.toUpperCase()}/x`,
    )
  })

  test.each(["it's", "' or name contains '", '%', '日本'])(
    'named %j are one literal in Drive queries',
    async (name) => {
      await put(`${encodeURIComponent(name)}/x`)
      await put(`${encodeURIComponent(name)}/y`)
      expect(folders()).toEqual([name])
    },
  )

  test('are created when Driveway may not write to an existing one', async () => {
    const seeded = driveway.google.drive
      .filesOf(driveway.sub)
      .find(({ mimeType, name }) => mimeType === folderType && /^\w+$/.test(name))
    const file = fileResult(await put(`${seeded?.name}/x`))
    expect(driveway.google.drive.file(file.id)?.parents).not.toEqual([seeded?.id])
    expect(pathOf(file.id)).toBe(`${seeded?.name}/x`)
  })

  test('are created once by concurrent requests on two instances', async () => {
    const name = newName()
    const body = form('b', fieldPart('path', `${name}/deep`), filePart('x', 'y'))
    const responses = await Promise.all(
      [driveway, second, driveway, second, driveway, second].map(({ origin }) =>
        uploadForm({ origin, bearer: driveway.bearer }, body),
      ),
    )
    expect(responses.map(({ status }) => status)).toEqual(Array(6).fill(201))
    expect(folders()).toEqual([name, `${name}/deep`])
    expect(driveway.uploaded()).toHaveLength(8)
  })

  test.each(['..', 'a//b', '/a', 'a/', '', 'a/../b', 'a\\b', 'a\u0000b'])(
    'are rejected with invalid_path when the path is %j',
    async (path) => {
      const response = await post({ path }, 'x')
      expectProblem(response, 400, 'invalid_path')
      expect(driveway.uploaded()).toEqual([])
    },
  )

  test('are not created below an unknown folder', async () => {
    const response = await put('a/x?folder=nothing-has-this-id')
    expectProblem(response, 404, 'drive_not_found')
    expect(driveway.uploaded()).toEqual([])
  })

  test('and the mode must precede the files of a form', async () => {
    for (const late of ['folder', 'path', 'mode']) {
      const body = form('b', filePart('x', 'y'), fieldPart(late, 'replace'))
      const response = await uploadForm(driveway, body)
      expectProblem(response, 400, 'field_after_file')
    }
    expect(driveway.uploaded()).toEqual([])
  })
})

describe('an upload with an existing name', () => {
  test('creates a second file by default', async () => {
    const name = newName()
    const ids = [fileResult(await put(name)).id, fileResult(await put(`${name}?mode=new`)).id]
    expect(driveway.uploaded().map(({ id }) => id)).toEqual(ids)
  })

  test.each(['much', 'REPLACE', ''])('is rejected with mode=%s', async (mode) => {
    for (const response of [await put(`x?mode=${mode}`), await post({ mode }, 'x')]) {
      expectProblem(response, 400, 'bad_request')
    }
  })

  test.each([5, 700_000])(
    'replaces the content by %d bytes and keeps the file id with mode=replace',
    async (size) => {
      const name = newName()
      const before = fileResult(await put(name, 'before', { 'content-type': 'text/css' }))
      const bytes = randomBytes(size)
      const response = await put(`${name}?mode=replace`, bytes)
      expect(response.status).toBe(200)
      expect(fileResult(response)).toMatchObject({ id: before.id, name, size, replaced: true })
      expect((await driveway.google.drive.contentOf(before.id)).equals(bytes)).toBe(true)
      expect(driveway.uploaded().map(({ mimeType }) => mimeType)).toEqual(['text/css'])
      const [again] = fileResults(await post({ mode: 'replace' }, name))
      expect([again?.id, again?.replaced]).toEqual([before.id, true])
    },
  )

  test('creates a file with mode=replace when the name is free', async () => {
    const response = await put(`${newName()}?mode=replace`)
    expect([response.status, fileResult(response).replaced]).toEqual([201, undefined])
  })

  test('creates a file with mode=replace when Driveway may not write to the existing one', async () => {
    const seeded = driveway.google.drive
      .filesOf(driveway.sub)
      .find(
        ({ size, parents }) => size && parents[0] === driveway.google.drive.rootOf(driveway.sub),
      )
    const response = await put(`${encodeURIComponent(seeded?.name ?? '')}?mode=replace`)
    expect(response.status).toBe(201)
    expect(driveway.google.drive.file(seeded?.id ?? '')?.sha256).toBe(seeded?.sha256)
  })

  test.each([
    ['a digest mismatch', {}, `sha256=${'0'.repeat(64)}`, 'digest_mismatch'],
    [
      'Drive rejects the bytes',
      { operation: 'drive.upload.chunk', skip: 1, status: 413 },
      '',
      'too_large',
    ],
    [
      'Drive is unavailable',
      { operation: 'drive.upload.chunk', skip: 1, status: 503, times: 99 },
      '',
      'drive_unavailable',
    ],
  ])('keeps the old content with mode=replace after %s', async (_, fault, query, code) => {
    const name = newName()
    const before = fileResult(await put(name, 'before'))
    if ('operation' in fault) driveway.google.faults.add(fault)
    const response = await put(`${name}?mode=replace&${query}`, randomBytes(700_000))
    expect(problemCode(response)).toBe(code)
    expect(await bytesOf(before.id)).toBe('before')
    expect(driveway.driveCalls()).not.toContain('drive.files.delete')
    driveway.google.faults.clear()
    await driveway.settled(1)
  })

  test('replaces the file once when the last response and the session are lost', async () => {
    const name = newName()
    const before = fileResult(await put(name, 'before'))
    const bytes = randomBytes(700_000)
    driveway.google.faults.add(
      { operation: 'drive.upload.chunk', skip: 2, dropResponse: true },
      { operation: 'drive.upload.status', status: 404, expireSession: true },
    )
    const response = await put(`${name}?mode=replace`, bytes)
    expect([response.status, fileResult(response).id]).toEqual([200, before.id])
    expect((await driveway.google.drive.contentOf(before.id)).equals(bytes)).toBe(true)
  })

  test('returns the existing file unchanged with mode=skip', async () => {
    const name = newName()
    const before = fileResult(await put(name, 'before'))
    const response = await put(`${name}?mode=skip`, randomBytes(700_000))
    expect([response.status, fileResult(response)]).toEqual([200, { ...before, skipped: true }])
    const other = newName()
    const both = await post({ mode: 'skip' }, name, other)
    expect([both.status, fileResults(both).map(({ skipped }) => skipped)]).toEqual([
      201,
      [true, undefined],
    ])
    expect(await bytesOf(before.id)).toBe('before')
    expect(driveway.uploaded()).toHaveLength(2)
  })

  test('returns the existing file with mode=skip without 100 Continue', async () => {
    const name = newName()
    await put(name)
    const connection = await openConnection(driveway.origin)
    const headers = { 'Content-Length': 9_000_000, Expect: '100-continue' }
    connection.socket.write(requestHead(driveway, 'PUT', `/upload/${name}?mode=skip`, headers))
    await connection.closed
    expect(connection.statuses()).toEqual([200])
    expect(connection.received()).not.toContain('100 Continue')
  })

  test('is rejected with file_exists with mode=error, as a raw body and in a form', async () => {
    const name = newName()
    await put(`${name}?mode=error`)
    for (const response of [
      await put(`${name}?mode=error`),
      await post({ mode: 'error' }, newName(), name),
    ]) {
      expectProblem(response, 409, 'file_exists')
    }
    expect(driveway.uploaded()).toHaveLength(1)
  })

  test('does not conflict with a folder, nor with a file in another folder', async () => {
    const name = newName()
    await put(`${name}/${name}`)
    expect((await put(`${name}?mode=error`)).status).toBe(201)
  })
})
