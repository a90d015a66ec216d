/** Links of Drive wherever an id is read, of a folder that also needs the link's resource key. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { signIn } from '../../infra/local/sign-in.ts'
import { filePart, form, problemCode, send, startDriveway, uploadForm } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'
import { parseJson, postJson, requestTicket, uploadFile } from '../kit/requests.ts'
import { createTusClient, encodeMetadata } from '../kit/tus.ts'

const key = '0-keyOfTheLink'
const query = `usp=sharing&resourcekey=${key}`

let driveway: Driveway
/** The folder of another user, shared with everyone who has the link. */
let folder: string
let folderLink: string
let file: string
let fileLink: string

beforeAll(async () => {
  driveway = await startDriveway({
    env: { ACCESS_PROFILE: 'full', ALLOWED_ORIGINS: 'https://photos.example' },
  })
  const { drive, oauth } = driveway.google
  const owner = oauth.users[1]?.sub ?? ''
  const ids = await drive.seed(owner, [
    { name: 'Linked', folder: [] },
    { name: 'linked.txt', content: 'by link', mimeType: 'text/plain' },
  ])
  folder = ids['Linked'] ?? ''
  file = ids['linked.txt'] ?? ''
  drive.shareByLink(folder, 'writer', key)
  drive.shareByLink(file, 'reader', key)
  folderLink = `https://drive.google.com/drive/folders/${folder}?${query}`
  fileLink = `https://drive.google.com/file/d/${file}/view?${query}`
})
afterAll(() => driveway.close())

const get = (path: string, headers = driveway.bearer): Promise<RawResponse> =>
  send(driveway.origin, path, { headers })

function isStored(name: string): boolean {
  const { drive, oauth } = driveway.google
  const all = [driveway.sub, oauth.users[1]?.sub ?? ''].flatMap((sub) => drive.filesOf(sub))
  return all.some((stored) => stored.name === name && stored.parents.includes(folder))
}

test('the id of the folder without the key is not found', async () => {
  expect(problemCode(await get(`/files?folder=${folder}`))).toBe('drive_not_found')
  expect(problemCode(await get(`/files/${file}`))).toBe('drive_not_found')
  const response = await uploadFile(driveway, `no-key.txt?folder=${folder}`, 'x')
  expect(problemCode(response)).toBe('drive_not_found')
})

test('PUT /upload stores a file in the folder of a link', async () => {
  const path = `raw.txt?folder=${encodeURIComponent(folderLink)}`
  expect((await uploadFile(driveway, path, 'raw')).status).toBe(201)
  expect(isStored('raw.txt')).toBe(true)
  const replaced = await uploadFile(driveway, `${path}&mode=replace`, 'raw again')
  expect(replaced.status).toBe(200)
})

test('POST /upload stores a file in the folder of a link', async () => {
  const field = { headers: ['Content-Disposition: form-data; name="folder"'], body: folderLink }
  const response = await uploadForm(driveway, form('b', field, filePart('form.txt', 'form')))
  expect(response.status).toBe(201)
  expect(isStored('form.txt')).toBe(true)
})

test('a tus upload stores a file in the folder of a link', async () => {
  const tus = createTusClient(driveway)
  const metadata = encodeMetadata({ filename: 'tus.txt', folder: folderLink })
  const path = await tus.create({ 'upload-length': '3', 'upload-metadata': metadata })
  expect((await tus.patch(path, 0, Buffer.from('tus'))).status).toBe(204)
  expect(isStored('tus.txt')).toBe(true)
})

test('a ticket stores a file in the folder of a link', async () => {
  const ticket = await requestTicket(
    driveway,
    { name: 'ticket.txt', size: 6, folder: folderLink },
    { origin: 'https://photos.example' },
  )
  expect(ticket.status).toBe(201)
  const { uploadUrl } = parseJson<{ uploadUrl: string }>(ticket)
  expect((await fetch(uploadUrl, { method: 'PUT', body: 'ticket' })).status).toBe(200)
  expect(isStored('ticket.txt')).toBe(true)
})

test('POST /files creates a folder in the folder of a link', async () => {
  const body = { name: 'Inner', folder: folderLink }
  const response = await postJson(driveway, '/files', driveway.bearer, body)
  expect(response.status).toBe(201)
  expect(isStored('Inner')).toBe(true)
})

test('GET /files lists the folder of a link, and NDJSON too', async () => {
  const path = `/files?folder=${encodeURIComponent(folderLink)}`
  const { files } = parseJson<{ files: { name: string }[] }>(await get(path))
  expect(files.map(({ name }) => name)).toContain('raw.txt')
  const ndjson = await get(path, { ...driveway.bearer, accept: 'application/x-ndjson' })
  expect(ndjson.body.trim().split('\n')).toHaveLength(files.length)
})

test('GET /files/{link} describes the file, and its content is downloaded', async () => {
  const path = `/files/${encodeURIComponent(fileLink)}`
  expect(parseJson(await get(path))).toMatchObject({ id: file, name: 'linked.txt' })
  const content = await get(`${path}/content`)
  expect([content.status, content.body]).toEqual([200, 'by link'])
})

test('a token for the folder of a link keeps the key', async () => {
  const cookie = await signIn(driveway.origin, 'ada@example.com')
  const session = { cookie, origin: driveway.origin }
  const created = await postJson(driveway, '/auth/tokens', session, { folder: folderLink })
  expect(created.status).toBe(201)
  const { token, folder: described } = parseJson<{ token: string; folder: object }>(created)
  expect(described).toEqual({ id: folder, name: 'Linked', resourceKey: key })
  const bearer = { authorization: `Bearer ${token}` }
  expect((await get('/files', bearer)).status).toBe(200)
  expect((await uploadFile({ ...driveway, bearer }, 'token.txt', 'x')).status).toBe(201)
  expect(isStored('token.txt')).toBe(true)
  const below = await postJson(driveway, '/auth/tokens', session, {
    folder: described,
    path: 'Sub',
  })
  expect(below.status).toBe(201)
  expect(isStored('Sub')).toBe(true)
})

test('anything else is a 400 that says what an id looks like', async () => {
  const cookie = await signIn(driveway.origin, 'ada@example.com')
  const session = { cookie, origin: driveway.origin }
  const wrong = 'https://example.com/folders/x'
  const field = { headers: ['Content-Disposition: form-data; name="folder"'], body: wrong }
  const responses = [
    await get(`/files?folder=${encodeURIComponent(wrong)}`),
    await get(`/files/${encodeURIComponent(wrong)}`),
    await get(`/files/${encodeURIComponent(wrong)}/content`),
    await uploadFile(driveway, `a.txt?folder=${encodeURIComponent(wrong)}`, 'x'),
    await uploadForm(driveway, form('b', field, filePart('a.txt', 'x'))),
    await requestTicket(
      driveway,
      { name: 'a.txt', size: 1, folder: wrong },
      { origin: 'https://photos.example' },
    ),
    await postJson(driveway, '/files', driveway.bearer, { name: 'x', folder: wrong }),
    await postJson(driveway, '/auth/tokens', session, { folder: wrong }),
  ]
  for (const response of responses) {
    expect([response.status, problemCode(response)]).toEqual([400, 'bad_request'])
    expect(parseJson(response)['detail']).toContain('such as 1')
  }
})
