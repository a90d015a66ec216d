import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Seed } from '../../../infra/sandbox/drive/index.ts'
import { filePart, form, startDriveway, uploadForm } from '../../kit/environment.ts'
import type { Driveway, RawResponse } from '../../kit/environment.ts'
import { fieldPart } from '../../kit/multipart-fixtures.ts'
import {
  expectProblem,
  fileResult,
  parseJson,
  postJson,
  requestTicket,
  uploadFile,
} from '../../kit/requests.ts'
import { createTusClient, encodeMetadata } from '../../kit/tus.ts'

const folderType = 'application/vnd.google-apps.folder'
let driveway: Driveway

beforeAll(async () => {
  driveway = await startDriveway({ gateway: { sleep: () => Promise.resolve() } })
})

afterAll(() => driveway.close())

let count = 0
/** Returns an unused name. */
const newName = (): string => `d${++count}`

/** Seeds items that Driveway created. @returns ids by path */
function seed(...seeds: Seed[]): Promise<Record<string, string>> {
  const { google, sub } = driveway
  const own = (each: Seed): Seed => ({
    ...each,
    createdBy: google.clientId,
    ...('folder' in each ? { folder: each.folder.map(own) } : {}),
  })
  return google.drive.seed(sub, seeds.map(own))
}

/** Names of the items in a folder. */
const namesIn = (folder: string | undefined): string[] =>
  driveway.google.drive
    .filesOf(driveway.sub)
    .filter(({ parents }) => parents[0] === folder)
    .map(({ name }) => name)

const foldersNamed = (name: string): number =>
  driveway.google.drive
    .filesOf(driveway.sub)
    .filter((file) => file.mimeType === folderType && file.name.normalize() === name.normalize())
    .length

const parentOf = (response: RawResponse): string | undefined =>
  driveway.google.drive.file(fileResult(response).id)?.parents[0]

/** Each way to upload a file to a folder. */
const methods: Record<string, (folder: string, path?: string) => Promise<RawResponse>> = {
  'PUT /upload': (folder, path = '') =>
    uploadFile(driveway, `${path}a.txt?folder=${folder}`, 'hello'),
  'POST /upload': (folder) =>
    uploadForm(driveway, form('b', fieldPart('folder', folder), filePart('a.txt', 'hello'))),
  'POST /upload/tus': (folder) => {
    const metadata = encodeMetadata({ filename: 'a.txt', folder })
    const headers = { 'upload-length': '5', 'upload-metadata': metadata }
    return createTusClient(driveway).post(headers, Buffer.from('hello'))
  },
  'POST /upload/tickets': (folder) => requestTicket(driveway, { name: 'a.txt', size: 5, folder }),
  'POST /files': (folder) => postJson(driveway, '/files', driveway.bearer, { name: 'new', folder }),
}

describe.each(Object.entries(methods))('%s with the id of a folder', (_, upload) => {
  test('returns 409 folder_trashed when the folder is in the bin, and stores nothing', async () => {
    const name = newName()
    const ids = await seed({ name, folder: [], trashed: true })
    driveway.google.calls.length = 0
    const response = await upload(ids[name] ?? '')
    expectProblem(response, 409, 'folder_trashed')
    expect(parseJson(response)).toMatchObject({
      title: expect.stringContaining('in the bin'),
      detail: expect.stringContaining(`“${name}” is in the bin`),
    })
    expect(namesIn(ids[name])).toEqual([])
    expect(driveway.google.calls.filter((call) => call.includes('upload'))).toEqual([])
  })

  test('returns 409 folder_trashed when a folder above it is in the bin', async () => {
    const name = newName()
    const ids = await seed({
      name,
      folder: [{ name: 'b', folder: [{ name: 'c', folder: [] }] }],
      trashed: true,
    })
    expectProblem(await upload(ids[`${name}/b/c`] ?? ''), 409, 'folder_trashed')
    expect(namesIn(ids[`${name}/b/c`])).toEqual([])
  })

  test('returns 400 when the id is that of a file or of a document', async () => {
    const name = newName()
    const ids = await seed({ name, content: 'x' }, { name: `${name} doc`, document: 'x' })
    for (const id of Object.values(ids)) {
      const response = await upload(id)
      expectProblem(response, 400, 'bad_request')
      expect(parseJson(response)['detail']).toContain(name)
    }
  })

  test('uses the target when the id is that of a shortcut to a folder', async () => {
    const name = newName()
    const ids = await seed({ name, folder: [] }, { name: `${name} link`, shortcutTo: name })
    const { status } = await upload(ids[`${name} link`] ?? '')
    expect(status).toBe(201)
    const isTicket = upload === methods['POST /upload/tickets'] // it is stored later
    expect(namesIn(ids[name])).toHaveLength(isTicket ? 0 : 1)
    expect(namesIn(ids[`${name} link`])).toEqual([])
  })

  test('returns 409 when the shortcut leads to a file, or to a folder in the bin', async () => {
    const name = newName()
    const ids = await seed(
      { name: 'f', content: 'x' },
      { name, shortcutTo: 'f' },
      { name: `${name} bin`, folder: [], trashed: true },
      { name: `${name} link`, shortcutTo: `${name} bin` },
    )
    const response = await upload(ids[name] ?? '')
    expectProblem(response, 409, 'not_a_folder')
    expect(parseJson(response)['detail']).toContain(`“${name}” is a shortcut to a file`)
    expectProblem(await upload(ids[`${name} link`] ?? ''), 409, 'folder_trashed')
  })

  test('returns 409 when the shortcut leads to a folder that Driveway may not write to', async () => {
    const { google, sub } = driveway
    const name = newName()
    const theirs = await google.drive.seed('ben', [{ name, folder: [] }])
    google.drive.share(theirs[name] ?? '', sub, 'writer')
    const ids = await seed({ name, shortcutTo: theirs[name] ?? '' })
    const response = await upload(ids[name] ?? '')
    expectProblem(response, 409, 'not_a_folder')
    expect(parseJson(response)['detail']).toContain('Driveway may not write to')
  })
})

describe('PUT /upload with a path', () => {
  test('finds the folder of the same name in another Unicode form, and stores names as they came', async () => {
    const name = newName()
    const [composed, decomposed] = ['Am\u00e9lie', 'Ame\u0301lie']
    const first = await uploadFile(driveway, `${encodeURIComponent(name + composed)}/a.txt`)
    const second = await uploadFile(driveway, `${encodeURIComponent(name + decomposed)}/b.txt`)
    const third = await uploadFile(driveway, `${encodeURIComponent(name + composed)}/c.txt`)
    expect(new Set([first, second, third].map(parentOf)).size).toBe(1)
    expect(foldersNamed(name + composed)).toBe(1)
    const stored = driveway.google.drive.file(parentOf(first) ?? '')?.name
    expect(stored).toBe(name + composed)
  })

  test('finds a folder that was created in the decomposed form by a Mac', async () => {
    const name = `${newName()} Ame\u0301lie 한글`.normalize('NFD')
    const ids = await seed({ name, folder: [] })
    const response = await uploadFile(
      driveway,
      `${encodeURIComponent(name.normalize('NFC'))}/a.txt`,
    )
    expect(parentOf(response)).toBe(ids[name])
  })

  test('creates one folder for two forms of its name at the same time', async () => {
    const name = `${newName()} \u00e9`
    const responses = await Promise.all(
      ['NFC', 'NFD', 'NFC', 'NFD'].map((unicodeForm) =>
        uploadFile(driveway, `${encodeURIComponent(name.normalize(unicodeForm))}/a.txt`),
      ),
    )
    expect(responses.map(({ status }) => status)).toEqual([201, 201, 201, 201])
    expect(foldersNamed(name)).toBe(1)
  })

  test('prefers the folder whose name is the same to the byte', async () => {
    const name = `${newName()} \u00e9`
    const older = await seed({ name: name.normalize('NFD'), folder: [] })
    const newer = await seed({ name, folder: [] })
    const response = await uploadFile(driveway, `${encodeURIComponent(name)}/a.txt`)
    expect([parentOf(response), Object.values(older)]).toEqual([newer[name], [expect.any(String)]])
  })

  test('goes into the target of a shortcut, and creates no folder beside it', async () => {
    const name = newName()
    const ids = await seed(
      { name: `${name} target`, folder: [] },
      { name, shortcutTo: `${name} target` },
    )
    const response = await uploadFile(driveway, `${name}/deeper/a.txt`)
    expect(response.status).toBe(201)
    expect(namesIn(ids[`${name} target`])).toEqual(['deeper'])
    expect(foldersNamed(name)).toBe(0)
  })

  test('prefers a folder to a shortcut of the same name', async () => {
    const name = newName()
    const ids = await seed({ name: 'other', folder: [] }, { name, shortcutTo: 'other' })
    const folder = await seed({ name, folder: [] })
    const response = await uploadFile(driveway, `${name}/a.txt`)
    expect([parentOf(response), namesIn(ids['other'])]).toEqual([folder[name], []])
  })

  test('returns 409 through a shortcut that leads to no usable folder', async () => {
    const { google, sub } = driveway
    const name = newName()
    const theirs = await google.drive.seed('ben', [{ name, folder: [] }])
    google.drive.share(theirs[name] ?? '', sub, 'writer')
    await seed(
      { name: 'f', content: 'x' },
      { name: `${name} file`, shortcutTo: 'f' },
      { name: `${name} shared`, shortcutTo: theirs[name] ?? '' },
      { name: `${name} gone`, shortcutTo: 'nothing-has-this-id' },
    )
    for (const link of [`${name} file`, `${name} shared`, `${name} gone`]) {
      const response = await uploadFile(driveway, `${encodeURIComponent(link)}/a.txt`)
      expectProblem(response, 409, 'not_a_folder')
      expect(parseJson(response)['detail']).toContain(`“${link}” is a shortcut`)
      expect(foldersNamed(link)).toBe(0)
    }
  })

  test('returns 409 not_a_folder through a file, and creates no folder beside it', async () => {
    const name = `${newName()}.txt`
    await uploadFile(driveway, name)
    for (const path of [`${name}/b.txt`, `${name}/c/b.txt`]) {
      const response = await uploadFile(driveway, path)
      expectProblem(response, 409, 'not_a_folder')
      expect(parseJson(response)['detail']).toContain(`“${name}” is a file`)
    }
    const inForm = form('b', fieldPart('path', name), filePart('a.txt', 'hello'))
    expectProblem(await uploadForm(driveway, inForm), 409, 'not_a_folder')
    expect(foldersNamed(name)).toBe(0)
  })

  test('creates a folder beside a document of the same name, which is no file', async () => {
    const name = newName()
    await seed({ name, document: 'x' })
    expect((await uploadFile(driveway, `${name}/a.txt`)).status).toBe(201)
  })

  test('creates a new folder when the one of this name is in the bin', async () => {
    const name = newName()
    const ids = await seed({ name, folder: [], trashed: true })
    const response = await uploadFile(driveway, `${name}/a.txt`)
    expect(parentOf(response)).not.toBe(ids[name])
  })
})
