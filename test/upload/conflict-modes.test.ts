import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { codeOf, filePart, form, send, startDriveway, uploadForm } from '../kit/environment.ts'
import type { Driveway, RawAnswer } from '../kit/environment.ts'
import { fieldPart } from '../kit/multipart-fixtures.ts'
import { dial, startUploading } from '../kit/upload.ts'
import type { Uploading } from '../kit/upload.ts'

const folderType = 'application/vnd.google-apps.folder'
let driveway: Uploading
let beside: Driveway

beforeAll(async () => {
  const gateway = { chunkBytes: 256 * 1024, wait: () => Promise.resolve() }
  driveway = await startUploading({ gateway })
  beside = await startDriveway({ beside: driveway, gateway })
})

afterAll(async () => {
  await beside.close()
  await driveway.close()
})

afterEach(() => {
  driveway.google.faults.clear()
  driveway.forget()
})

function put(path: string, body: Buffer | string = 'hello', headers = {}): Promise<RawAnswer> {
  return send(driveway.origin, `/upload/${path}`, {
    method: 'PUT',
    headers: { ...driveway.bearer, ...headers },
    body,
  })
}

const post = (fields: Record<string, string>, ...names: string[]): Promise<RawAnswer> =>
  uploadForm(
    driveway,
    form(
      'b',
      ...Object.entries(fields).map(([name, value]) => fieldPart(name, value)),
      ...names.map((name) => filePart(name, `in a form: ${name}`)),
    ),
  )

interface Answered {
  id: string
  name: string
  size: number
  sha256: string
  skipped?: true
  replaced?: true
}
const read = (answer: RawAnswer): Answered => JSON.parse(answer.body) as Answered
const readForm = (answer: RawAnswer): Answered[] =>
  (JSON.parse(answer.body) as { files: Answered[] }).files

const bytesOf = async (id: string): Promise<string> =>
  (await driveway.google.drive.bytesOf(id)).toString()

/** Where a file is: the names of the folders above it, from the root. */
function pathOf(id: string): string {
  const { drive } = driveway.google
  const file = drive.file(id)
  const [parent = ''] = file?.parents ?? []
  if (!file || parent === drive.rootOf(driveway.sub)) return file?.name ?? 'gone'
  return `${pathOf(parent)}/${file.name}`
}

const folders = (): string[] =>
  driveway
    .uploaded()
    .filter(({ mimeType }) => mimeType === folderType)
    .map(({ id }) => pathOf(id))

let count = 0
/** A name that nothing has yet. */
const fresh = (): string => `t${++count}`

describe('folders in a path', () => {
  test('are made, and found the next time', async () => {
    const name = fresh()
    const one = read(await put(`${name}/b%20c/x.bin`))
    const other = read(await put(`${name}/b%20c/y.bin`))
    const [inForm] = readForm(await post({ path: `${name}/b c` }, 'z.bin'))
    expect([one, other, inForm].map((file) => pathOf(file?.id ?? ''))).toEqual([
      `${name}/b c/x.bin`,
      `${name}/b c/y.bin`,
      `${name}/b c/z.bin`,
    ])
    expect(folders()).toEqual([name, `${name}/b c`])
  })

  test('begin in the folder that is named by its id', async () => {
    const name = fresh()
    await put(`${name}/x`)
    const [top] = driveway.uploaded().filter((file) => file.name === name)
    const raw = read(await put(`in/y?folder=${top?.id}`))
    const [inForm] = readForm(await post({ folder: top?.id ?? '', path: 'in' }, 'z'))
    expect([pathOf(raw.id), pathOf(inForm?.id ?? '')]).toEqual([`${name}/in/y`, `${name}/in/z`])
  })

  test('are of exactly their name, though Drive takes capitals for small letters', async () => {
    const name = fresh()
    await put(`${name}/x`)
    expect(pathOf(read(await put(`${name.toUpperCase()}/x`)).id)).toBe(`${name.toUpperCase()}/x`)
  })

  test.each(["it's", "' or name contains '", '%', '日本'])(
    'called %j are one literal to Drive (case 32)',
    async (name) => {
      await put(`${encodeURIComponent(name)}/x`)
      await put(`${encodeURIComponent(name)}/y`)
      expect(folders()).toEqual([name])
    },
  )

  test('that Driveway may not write to are not used: one of its own is made', async () => {
    const seeded = driveway.google.drive
      .filesOf(driveway.sub)
      .find(({ mimeType, name }) => mimeType === folderType && /^\w+$/.test(name))
    const file = read(await put(`${seeded?.name}/x`))
    expect(driveway.google.drive.file(file.id)?.parents).not.toEqual([seeded?.id])
    expect(pathOf(file.id)).toBe(`${seeded?.name}/x`)
  })

  test('that several requests ask for at once, on two instances, are made once', async () => {
    const name = fresh()
    const body = form('b', fieldPart('path', `${name}/deep`), filePart('x', 'y'))
    const answers = await Promise.all(
      [driveway, beside, driveway, beside, driveway, beside].map(({ origin }) =>
        uploadForm({ origin, bearer: driveway.bearer }, body),
      ),
    )
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(201))
    expect(folders()).toEqual([name, `${name}/deep`])
    expect(driveway.uploaded()).toHaveLength(8)
  })

  test.each(['..', 'a//b', '/a', 'a/', '', 'a/../b', 'a\\b', 'a\u0000b'])(
    'are refused when they are written %j (case 49)',
    async (path) => {
      const answer = await post({ path }, 'x')
      expect([answer.status, codeOf(answer)]).toEqual([400, 'invalid_path'])
      expect(driveway.uploaded()).toEqual([])
    },
  )

  test('below a folder that is not there are not made', async () => {
    const answer = await put('a/x?folder=nothing-has-this-id')
    expect([answer.status, codeOf(answer)]).toEqual([404, 'drive_not_found'])
    expect(driveway.uploaded()).toEqual([])
  })

  test('and what is to happen are said before the files (case 55)', async () => {
    for (const late of ['folder', 'path', 'mode']) {
      const body = form('b', filePart('x', 'y'), fieldPart(late, 'replace'))
      const answer = await uploadForm(driveway, body)
      expect([answer.status, codeOf(answer)]).toEqual([400, 'field_after_file'])
    }
    expect(driveway.uploaded()).toEqual([])
  })
})

describe('a name that is taken', () => {
  test('gets a second file by default, as Drive itself does it', async () => {
    const name = fresh()
    const ids = [read(await put(name)).id, read(await put(`${name}?mode=new`)).id]
    expect(driveway.uploaded().map(({ id }) => id)).toEqual(ids)
  })

  test.each(['much', 'REPLACE', ''])('by mode=%s is refused', async (mode) => {
    for (const answer of [await put(`x?mode=${mode}`), await post({ mode }, 'x')]) {
      expect([answer.status, codeOf(answer)]).toEqual([400, 'bad_request'])
    }
  })

  test.each([5, 700_000])('is replaced with %d bytes: same file, new content', async (size) => {
    const name = fresh()
    const before = read(await put(name, 'before', { 'content-type': 'text/css' }))
    const bytes = randomBytes(size)
    const answer = await put(`${name}?mode=replace`, bytes)
    expect(answer.status).toBe(200)
    expect(read(answer)).toMatchObject({ id: before.id, name, size, replaced: true })
    expect((await driveway.google.drive.bytesOf(before.id)).equals(bytes)).toBe(true)
    expect(driveway.uploaded().map(({ mimeType }) => mimeType)).toEqual(['text/css'])
    const [again] = readForm(await post({ mode: 'replace' }, name))
    expect([again?.id, again?.replaced]).toEqual([before.id, true])
  })

  test('is a new file by mode=replace where nothing has it', async () => {
    const answer = await put(`${fresh()}?mode=replace`)
    expect([answer.status, read(answer).replaced]).toEqual([201, undefined])
  })

  test('is not replaced where only a file of somebody else has it', async () => {
    const seeded = driveway.google.drive
      .filesOf(driveway.sub)
      .find(
        ({ size, parents }) => size && parents[0] === driveway.google.drive.rootOf(driveway.sub),
      )
    const answer = await put(`${encodeURIComponent(seeded?.name ?? '')}?mode=replace`)
    expect(answer.status).toBe(201)
    expect(driveway.google.drive.file(seeded?.id ?? '')?.sha256).toBe(seeded?.sha256)
  })

  test.each([
    ['a digest that is wrong', {}, `sha256=${'0'.repeat(64)}`, 'digest_mismatch'],
    [
      'a Drive that refuses the bytes',
      { operation: 'drive.upload.chunk', skip: 1, status: 413 },
      '',
      'upstream_bad_response',
    ],
    [
      'a Drive that is down',
      { operation: 'drive.upload.chunk', skip: 1, status: 503, times: 99 },
      '',
      'drive_unavailable',
    ],
  ])('keeps its old content after %s', async (_, fault, query, code) => {
    const name = fresh()
    const before = read(await put(name, 'before'))
    if ('operation' in fault) driveway.google.faults.add(fault)
    const answer = await put(`${name}?mode=replace&${query}`, randomBytes(700_000))
    expect(codeOf(answer)).toBe(code)
    expect(await bytesOf(before.id)).toBe('before')
    expect(driveway.driveCalls()).not.toContain('drive.files.delete')
    driveway.google.faults.clear()
    await driveway.settled(1)
  })

  test('is replaced once though the last answer is lost and the session with it', async () => {
    const name = fresh()
    const before = read(await put(name, 'before'))
    const bytes = randomBytes(700_000)
    driveway.google.faults.add(
      { operation: 'drive.upload.chunk', skip: 2, loseAnswer: true },
      { operation: 'drive.upload.status', status: 404, forget: true },
    )
    const answer = await put(`${name}?mode=replace`, bytes)
    expect([answer.status, read(answer).id]).toEqual([200, before.id])
    expect((await driveway.google.drive.bytesOf(before.id)).equals(bytes)).toBe(true)
  })

  test('is left alone by mode=skip, and what has it is the answer', async () => {
    const name = fresh()
    const before = read(await put(name, 'before'))
    const answer = await put(`${name}?mode=skip`, randomBytes(700_000))
    expect([answer.status, read(answer)]).toEqual([200, { ...before, skipped: true }])
    const other = fresh()
    const both = await post({ mode: 'skip' }, name, other)
    expect([both.status, readForm(both).map(({ skipped }) => skipped)]).toEqual([
      201,
      [true, undefined],
    ])
    expect(await bytesOf(before.id)).toBe('before')
    expect(driveway.uploaded()).toHaveLength(2)
  })

  test('is left alone by mode=skip without asking for bytes that are held back', async () => {
    const name = fresh()
    await put(name)
    const line = await dial(driveway.origin)
    const { authorization = '' } = driveway.bearer
    line.socket.write(
      `PUT /upload/${name}?mode=skip HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\n` +
        'Content-Length: 9000000\r\nExpect: 100-continue\r\n\r\n',
    )
    await line.closed
    expect(line.statuses()).toEqual([200])
    expect(line.heard()).not.toContain('100 Continue')
  })

  test('is refused by mode=error, raw and in a form', async () => {
    const name = fresh()
    await put(`${name}?mode=error`)
    for (const answer of [
      await put(`${name}?mode=error`),
      await post({ mode: 'error' }, fresh(), name),
    ]) {
      expect([answer.status, codeOf(answer)]).toEqual([409, 'file_exists'])
    }
    expect(driveway.uploaded()).toHaveLength(1)
  })

  test('is not taken by a folder, nor in another folder', async () => {
    const name = fresh()
    await put(`${name}/${name}`)
    expect((await put(`${name}?mode=error`)).status).toBe(201)
  })
})
