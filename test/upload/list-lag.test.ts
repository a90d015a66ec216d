/** Uploads while Drive's lists are minutes behind, as they are at times. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { filePart, form, problemCode, startDriveway, uploadForm } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'
import {
  expectProblem,
  fileResult,
  fileResults,
  parseJson,
  postJson,
  uploadFile,
} from '../kit/requests.ts'
import { startUploadGateway } from '../kit/upload.ts'
import type { UploadGateway } from '../kit/upload.ts'

const folderType = 'application/vnd.google-apps.folder'
let driveway: UploadGateway
let second: Driveway
let counter = 0

beforeAll(async () => {
  const gateway = { chunkBytes: 256 * 1024, sleep: () => Promise.resolve() }
  driveway = await startUploadGateway({ gateway })
  second = await startDriveway({ sharing: driveway, gateway })
})

beforeEach(() => {
  driveway.google.faults.add({ operation: 'drive.files.list', lagMs: 600_000, times: 1000 })
})

afterEach(() => {
  driveway.google.faults.clear()
  driveway.resetUploads()
})

afterAll(async () => {
  await second.close()
  await driveway.close()
})

function put(path: string, body = 'hello', at: { origin: string } = driveway) {
  return uploadFile({ origin: at.origin, bearer: driveway.bearer }, path, body)
}

/** Runs ten requests at once, on two instances by turns. */
const race = (request: (at: Driveway, n: number) => Promise<RawResponse>): Promise<RawResponse[]> =>
  Promise.all(Array.from({ length: 10 }, (_, n) => request(n % 2 ? second : driveway, n)))

/** A file that was in Drive before the lists fell behind. */
async function seedFile(
  name = `seeded-${counter++}.txt`,
  modifiedTime = '2026-01-01T00:00:00Z',
): Promise<{ name: string; id: string }> {
  const { google, sub } = driveway
  const { [name]: id = '' } = await google.drive.seed(sub, [
    { name, content: 'old', createdBy: google.clientId, modifiedTime },
  ])
  return { name, id }
}

const contentOf = async (id: string) => (await driveway.google.drive.contentOf(id)).toString()
const storedFiles = () => driveway.uploaded().filter(({ mimeType }) => mimeType !== folderType)
const folders = () => driveway.uploaded().filter(({ mimeType }) => mimeType === folderType)

describe('a file that another instance has stored, and that Drive does not list yet', () => {
  test.each(['error', 'skip', 'replace'])('is a conflict after mode=%s', async (first) => {
    const path = `new-${first}.txt`
    const { id } = fileResult(await put(`${path}?mode=${first}`, 'one'))
    expectProblem(await put(`${path}?mode=error`, 'two', second), 409, 'file_exists')
    expect(fileResult(await put(`${path}?mode=skip`, 'three', second))).toMatchObject({
      id,
      skipped: true,
    })
    expect(fileResult(await put(`${path}?mode=replace`, 'four', second))).toMatchObject({
      id,
      replaced: true,
    })
    expect(storedFiles()).toHaveLength(1)
    expect(await contentOf(id)).toBe('four')
  })

  test('is a conflict for a form', async () => {
    const { id } = fileResult(await put('in-form.txt?mode=replace', 'one'))
    const parts = [
      { headers: ['Content-Disposition: form-data; name="mode"'], body: 'replace' },
      filePart('in-form.txt', 'two'),
    ]
    const response = await uploadForm(driveway, form('b', ...parts))
    expect(fileResults(response)).toMatchObject([{ id, replaced: true }])
    expect(storedFiles()).toHaveLength(1)
  })
})

describe('of ten concurrent uploads on two instances', () => {
  test.each([
    ['error', 'file_exists'],
    ['skip', 'skipped'],
    ['replace', 'replaced'],
  ])('with mode=%s one creates the file', async (mode, outcome) => {
    const responses = await race((at, n) => put(`race-${mode}.txt?mode=${mode}`, `${n}`, at))
    expect(responses.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(storedFiles()).toHaveLength(1)
    for (const response of responses.filter(({ status }) => status !== 201)) {
      if (response.status === 200) expect(fileResult(response)).toHaveProperty(outcome)
      else expect([outcome, 'name_locked']).toContain(problemCode(response))
    }
  })

  test('all use the same new folders', async () => {
    const responses = await race((at, n) => put(`deep/er/file-${n}.txt`, `${n}`, at))
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([201]))
    expect(folders().map(({ name }) => name)).toEqual(['deep', 'er'])
    const parents = new Set(storedFiles().flatMap((file) => file.parents))
    expect([...parents]).toEqual([folders()[1]?.id])
  })

  test('all get the same new folder from POST /files', async () => {
    const responses = await race((at) =>
      postJson(at, '/files', driveway.bearer, { name: 'only one' }),
    )
    expect(new Set(responses.map((response) => parseJson<{ id: string }>(response).id)).size).toBe(
      1,
    )
    expect(folders()).toHaveLength(1)
  })
})

describe('a file that Drive still lists', () => {
  const changes: [string, (id: string) => void][] = [
    ['was trashed', (id) => driveway.google.drive.update(id, { trashed: true })],
    ['was deleted', (id) => driveway.google.drive.remove(id)],
    ['was renamed', (id) => driveway.google.drive.update(id, { name: 'another.txt' })],
  ]

  describe.each(changes)('but that %s', (_, change) => {
    test.each(['error', 'skip', 'replace'])('is no conflict with mode=%s', async (mode) => {
      const { name, id } = await seedFile()
      change(id)
      const response = await put(`${name}?mode=${mode}`, 'new')
      expect(response.status).toBe(201)
      const stored = fileResult(response)
      expect(stored).not.toHaveProperty('skipped')
      expect(stored.id).not.toBe(id)
      expect(driveway.google.drive.file(stored.id)).toMatchObject({ name, trashed: false })
      if (driveway.google.drive.file(id)) expect(await contentOf(id)).toBe('old')
    })
  })

  test('but that was moved to another folder keeps its content', async () => {
    const { name, id } = await seedFile()
    const { folder = '' } = await driveway.google.drive.seed(driveway.sub, [
      { name: 'folder', folder: [] },
    ])
    driveway.google.drive.move(id, folder)
    const response = await put(`${name}?mode=replace`, 'new')
    expect([response.status, await contentOf(id)]).toEqual([201, 'old'])
  })

  test('does not hide another one of the same name', async () => {
    const first = await seedFile()
    const newer = await seedFile(first.name, '2026-01-02T00:00:00Z')
    driveway.google.drive.update(newer.id, { trashed: true })
    const response = await put(`${first.name}?mode=replace`, 'new')
    expect(fileResult(response)).toMatchObject({ id: first.id, replaced: true })
  })
})

describe('a folder that Drive still lists', () => {
  test.each<[string, (id: string) => void]>([
    ['was trashed', (id) => driveway.google.drive.update(id, { trashed: true })],
    ['was deleted', (id) => driveway.google.drive.remove(id)],
    ['was renamed', (id) => driveway.google.drive.update(id, { name: 'renamed' })],
  ])('but that %s takes no file of a path', async (_, change) => {
    const { google, sub } = driveway
    const name = `folder-${counter++}`
    const { [name]: id = '' } = await google.drive.seed(sub, [
      { name, folder: [], createdBy: google.clientId },
    ])
    change(id)
    const response = await put(`${name}/a.txt`)
    expect(response.status).toBe(201)
    const stored = google.drive.file(fileResult(response).id)
    expect(stored?.trashed).toBe(false)
    const [parent = ''] = stored?.parents ?? []
    expect(parent).not.toBe(id)
    expect(google.drive.file(parent)).toMatchObject({ name, trashed: false })
  })

  test('but whose folder above was trashed takes no file of a path', async () => {
    const { google, sub } = driveway
    const name = `above-${counter++}`
    const ids = await google.drive.seed(sub, [
      {
        name,
        folder: [{ name: 'below', folder: [], createdBy: google.clientId }],
        createdBy: google.clientId,
      },
    ])
    google.drive.update(ids[name] ?? '', { trashed: true })
    const response = await put(`${name}/below/a.txt`)
    expect(response.status).toBe(201)
    expect(google.drive.file(fileResult(response).id)?.trashed).toBe(false)
  })
})
