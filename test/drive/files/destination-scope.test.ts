/** The folder of a token: it is checked like any destination, and no shortcut leads out of it. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Seed } from '../../../infra/sandbox/drive/index.ts'
import { filePart, form, uploadForm } from '../../kit/environment.ts'
import { fieldPart } from '../../kit/multipart-fixtures.ts'
import { expectProblem, parseJson, postJson, putFile, statusAndCode } from '../../kit/requests.ts'
import { createBearer, createToken, postToken } from '../../kit/tokens.ts'
import { createTusClient, encodeMetadata } from '../../kit/tus.ts'
import { startUploadGateway } from '../../kit/upload.ts'
import type { UploadGateway } from '../../kit/upload.ts'

let driveway: UploadGateway

beforeAll(async () => {
  const gateway = { sleep: () => Promise.resolve() }
  // The profile `full` may write everywhere, so a rejection comes from the token's folder.
  driveway = await startUploadGateway({ gateway, env: { ACCESS_PROFILE: 'full' } })
})

afterAll(() => driveway.close())

const seed = (...seeds: Seed[]): Promise<Record<string, string>> =>
  driveway.google.drive.seed(driveway.sub, seeds)

/** Trashes a folder, as its owner does in Drive. */
async function trash(id: string): Promise<void> {
  const { google, sub } = driveway
  const { bin = '' } = await seed({ name: 'bin', folder: [], trashed: true })
  google.drive.move(id, bin)
  expect(google.drive.filesOf(sub).find((file) => file.id === id)?.trashed).toBe(true)
}

test('an upload with a token returns 409 when the token’s folder, or one above it, was trashed since', async () => {
  const ids = await seed({ name: 'Inbox', folder: [{ name: 'Photos', folder: [] }] })
  const bearer = await createBearer(driveway, { folder: ids['Inbox/Photos'] })
  expect((await putFile(driveway, bearer)).status).toBe(201)
  await trash(ids['Inbox'] ?? '')
  const account = { origin: driveway.origin, bearer }
  const tus = createTusClient(account)
  for (const response of [
    await putFile(driveway, bearer),
    await putFile(driveway, bearer, `a.txt?folder=${ids['Inbox/Photos']}`),
    await putFile(driveway, bearer, 'deeper/a.txt'),
    await uploadForm(account, form('b', filePart('a.txt', 'x'))),
    await tus.post({ 'upload-length': '1', 'upload-metadata': encodeMetadata({ filename: 'a' }) }),
    await postJson(driveway, '/upload/tickets', bearer, { name: 'a.txt', size: 5 }),
    await postJson(driveway, '/files', bearer, { name: 'new' }),
  ]) {
    expectProblem(response, 409, 'folder_trashed')
    expect(parseJson(response)['detail']).toContain('in the bin')
  }
})

test('POST /auth/tokens returns 409 for a folder in the bin and 400 for a file, and follows a shortcut', async () => {
  const ids = await seed(
    { name: 'Old', folder: [{ name: 'Inner', folder: [] }], trashed: true },
    { name: 'plain.txt', content: 'x' },
    { name: 'Target', folder: [] },
    { name: 'Link', shortcutTo: 'Target' },
    { name: 'Link to a file', shortcutTo: 'plain.txt' },
  )
  for (const [path, status, code] of [
    ['Old', 409, 'folder_trashed'],
    ['Old/Inner', 409, 'folder_trashed'],
    ['plain.txt', 400, 'bad_request'],
    ['Link to a file', 409, 'not_a_folder'],
  ] as const) {
    const response = await postToken(driveway, { folder: ids[path] })
    expect([path, ...statusAndCode(response)]).toEqual([path, status, code])
  }
  const { folder } = await createToken(driveway, { folder: ids['Link'] })
  expect(folder).toEqual({ id: ids['Target'], name: 'Target' })
})

test('a token follows shortcuts to folders inside of its folder, and to no others', async () => {
  const ids = await seed(
    { name: 'Outside', folder: [{ name: 'x', folder: [] }] },
    {
      name: 'Box',
      folder: [
        { name: 'Inside', folder: [] },
        { name: 'in', shortcutTo: 'Box/Inside' },
        { name: 'out', shortcutTo: 'Outside' },
      ],
    },
  )
  const bearer = await createBearer(driveway, { folder: ids['Box'] })
  const account = { origin: driveway.origin, bearer }
  const metadata = { filename: 'a', path: 'out' }
  driveway.resetUploads()
  for (const response of [
    await putFile(driveway, bearer, 'out/a.txt'),
    await putFile(driveway, bearer, 'out/x/a.txt'),
    await putFile(driveway, bearer, 'out/new/a.txt'),
    await putFile(driveway, bearer, `a.txt?folder=${ids['Box/out']}`),
    await uploadForm(account, form('b', fieldPart('path', 'out'), filePart('a.txt', 'x'))),
    await createTusClient(account).post({
      'upload-length': '1',
      'upload-metadata': encodeMetadata(metadata),
    }),
    await postJson(driveway, '/files', bearer, { name: 'out' }),
    await postJson(driveway, '/files', bearer, { name: 'new', folder: ids['Box/out'] }),
    await postJson(driveway, '/upload/tickets', bearer, {
      name: 'a',
      size: 1,
      folder: ids['Box/out'],
    }),
  ]) {
    expectProblem(response, 403, 'outside_folder')
  }
  expect(driveway.uploaded()).toEqual([])
  for (const path of ['in/a.txt', `a.txt?folder=${ids['Box/in']}`]) {
    expect((await putFile(driveway, bearer, path)).status).toBe(201)
  }
  expect(driveway.uploaded().map(({ parents }) => parents[0])).toEqual([
    ids['Box/Inside'],
    ids['Box/Inside'],
  ])
})
