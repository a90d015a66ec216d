import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { send, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'
import { expectProblem, parseJson } from '../kit/requests.ts'
import { storeFile } from '../kit/download.ts'

const folderType = 'application/vnd.google-apps.folder'
let driveway: Driveway
let second: Driveway
let ids: Record<string, string>

beforeAll(async () => {
  const gateway = { sleep: () => Promise.resolve() }
  driveway = await startDriveway({ gateway })
  second = await startDriveway({ gateway, sharing: driveway })
  const { google, sub } = driveway
  ids = await google.drive.seed(sub, [
    { name: 'Theirs', folder: [] },
    { name: 'Ours', folder: [], createdBy: google.clientId },
    { name: 'Report', document: 'x', description: 'A report', createdBy: google.clientId },
    { name: 'gone.txt', content: 'x', trashed: true },
  ])
})

afterEach(() => driveway.google.faults.clear())
afterAll(async () => {
  await second.close()
  await driveway.close()
})

function postFolder(body: object, origin = driveway.origin): Promise<RawResponse> {
  return send(origin, '/files', {
    method: 'POST',
    headers: { ...driveway.bearer, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

interface FileBody {
  id: string
  name: string
  kind: string
  parents: string[]
  capabilities: object
}

const read = (response: RawResponse): FileBody => parseJson<FileBody>(response)

const get = (id = ''): Promise<RawResponse> =>
  send(driveway.origin, `/files/${id}`, { headers: driveway.bearer })

const foldersNamed = (name: string): string[] =>
  driveway.google.drive
    .filesOf(driveway.sub)
    .filter((file) => file.name === name && file.mimeType === folderType)
    .map(({ id }) => id)

describe('GET /files/{id}', () => {
  test('returns the details of a file', async () => {
    const id = await storeFile(driveway, 'a.txt', 'hello', 'text/plain')
    expect(read(await get(id))).toEqual({
      id,
      name: 'a.txt',
      mimeType: 'text/plain',
      kind: 'file',
      size: 5,
      sha256: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824',
      parents: [driveway.google.drive.rootOf(driveway.sub)],
      createdTime: expect.any(String),
      modifiedTime: expect.any(String),
      webViewLink: expect.any(String),
      isAppAuthorized: true,
      capabilities: { canDownload: true },
      trashed: false,
      version: expect.any(String),
    })
  })

  test('returns the export formats of a document', async () => {
    const exports = ['docx', 'odt', 'rtf', 'pdf', 'txt', 'zip', 'epub', 'md', 'html']
    const report = { kind: 'document', description: 'A report', exports }
    expect(read(await get(ids['Report']))).toMatchObject(report)
  })

  test('returns trashed for a file in the bin', async () => {
    expect(read(await get(ids['gone.txt']))).toMatchObject({ trashed: true })
  })

  test('returns drive_not_found for an unknown id, and bad_request for a malformed one', async () => {
    expectProblem(await get('1'.repeat(33)), 404, 'drive_not_found')
    for (const id of ['%2e%2e', 'a%00', '..%2f..']) {
      expectProblem(await get(id), 400, 'bad_request')
    }
  })
})

describe('canAddChildren', () => {
  test('is returned for single folders and for the root', async () => {
    const responses = await Promise.all(['Theirs', 'Ours'].map((name) => get(ids[name])))
    expect(responses.map((response) => read(response).capabilities)).toEqual([
      { canAddChildren: false },
      { canAddChildren: true },
    ])
    const root = read(await get('root'))
    expect(root).toMatchObject({ kind: 'folder', parents: [], isAppAuthorized: false })
    expect(root.capabilities).toEqual({ canAddChildren: true })
  })

  test('is returned for every folder in a list', async () => {
    const response = await send(driveway.origin, '/files', { headers: driveway.bearer })
    const { files } = JSON.parse(response.body) as { files: (FileBody & object)[] }
    const byName = new Map(files.map((file) => [file.name, file]))
    expect(byName.get('Ours')).toMatchObject({
      isAppAuthorized: true,
      capabilities: { canAddChildren: true },
    })
    expect(byName.get('Theirs')).toMatchObject({
      isAppAuthorized: false,
      capabilities: { canAddChildren: false },
    })
    expect(byName.get('hello.txt')).toMatchObject({
      isAppAuthorized: false,
      capabilities: { canDownload: false },
    })
  })

  test('is true under ACCESS_PROFILE=full for a folder of the user', async () => {
    const full = await startDriveway({ env: { ACCESS_PROFILE: 'full' } })
    const seeded = await full.google.drive.seed(full.sub, [{ name: 'Any', folder: [] }])
    const response = await send(full.origin, `/files/${seeded['Any']}`, { headers: full.bearer })
    expect(read(response)).toMatchObject({
      isAppAuthorized: false,
      capabilities: { canAddChildren: true },
    })
    await full.close()
  })
})

describe('POST /files', () => {
  test('creates a folder in the given parent', async () => {
    const created = await postFolder({ name: 'Fresh' })
    expect(created.status).toBe(201)
    expect(read(created)).toMatchObject({ name: 'Fresh', kind: 'folder', mimeType: folderType })
    const child = await postFolder({ name: 'Deep', folder: read(created).id })
    expect(read(child).parents).toEqual([read(created).id])
  })

  test('returns the existing folder of the same name', async () => {
    const [first, repeated] = [
      await postFolder({ name: 'Once' }),
      await postFolder({ name: 'Once' }),
    ]
    expect([first.status, repeated.status]).toEqual([201, 200])
    expect(read(repeated)).toEqual(read(first))
  })

  test('creates one folder for concurrent requests on two instances', async () => {
    const responses = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        postFolder({ name: 'Raced' }, n % 2 ? second.origin : driveway.origin),
      ),
    )
    expect(new Set(responses.map((response) => read(response).id)).size).toBe(1)
    expect(foldersNamed('Raced')).toHaveLength(1)
  })

  test('creates one folder when the response of Drive is lost', async () => {
    driveway.google.faults.add({ operation: 'drive.files.create', dropResponse: true })
    const created = await postFolder({ name: 'Lost response' })
    expect([created.status < 300, foldersNamed('Lost response')]).toEqual([
      true,
      [read(created).id],
    ])
  })

  test.each([{}, { name: 5 }, { name: 'x', folder: 7 }])(
    'returns bad_request for %j',
    async (body) => {
      const response = await postFolder(body)
      expectProblem(response, 400, 'bad_request')
    },
  )

  test.each(['', ' ', '.', '..', 'a/b', 'a\\b', 'a\nb', 'x'.repeat(1025)])(
    'returns invalid_path for the name %j',
    async (name) => {
      const response = await postFolder({ name })
      expectProblem(response, 400, 'invalid_path')
    },
  )

  test('returns an error for a parent that is read-only or unknown', async () => {
    const readOnly = await postFolder({ name: 'x', folder: ids['Theirs'] })
    expectProblem(readOnly, 403, 'drive_forbidden')
    const unknown = await postFolder({ name: 'x', folder: '1'.repeat(33) })
    expectProblem(unknown, 404, 'drive_not_found')
    expectProblem(await postFolder({ name: 'x', folder: '../x' }), 400, 'bad_request')
    expect(foldersNamed('x')).toEqual([])
  })
})
