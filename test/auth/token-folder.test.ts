/** A token limited to a folder: what it can read, and where it can upload with each upload method. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { filePart, form, send, uploadForm } from '../kit/environment.ts'
import type { RawResponse } from '../kit/environment.ts'
import { fieldPart } from '../kit/multipart-fixtures.ts'
import { fileNames, postJson, putFile, statusAndCode, withoutRequestId } from '../kit/requests.ts'
import { createBearer } from '../kit/tokens.ts'
import { startUploadGateway } from '../kit/upload.ts'
import type { UploadGateway } from '../kit/upload.ts'

let driveway: UploadGateway
let folderBearer: Record<string, string>
let clock = 0
/** File ids by path; `shared/…` is a shared drive, `ben/…` belongs to another account. */
const ids: Record<string, string> = {}
const idOf = (path: string): string => {
  const id = ids[path]
  if (id === undefined) throw new Error(`Nothing at ${path}`)
  return id
}

beforeAll(async () => {
  const gateway = { sleep: () => Promise.resolve(), now: () => Date.now() + clock }
  // The profile `full` may read everything, so a rejection has to come from the folder limit.
  driveway = await startUploadGateway({ gateway, env: { ACCESS_PROFILE: 'full' } })
  const { drive, oauth } = driveway.google
  const created = await drive.seed(driveway.sub, [
    {
      name: 'Box',
      folder: [
        { name: 'in.txt', content: 'inside' },
        {
          name: 'Deep',
          folder: [{ name: 'Deeper', folder: [{ name: 'd.txt', content: 'deep' }] }],
        },
      ],
    },
    { name: 'Beside', folder: [{ name: 'secret.txt', content: 'outside' }] },
    { name: 'top.txt', content: 'at the top' },
  ])
  Object.assign(ids, created)
  const shared = await drive.seedSharedDrive(
    'Team',
    [driveway.sub],
    [{ name: 'team.txt', content: 'of the team' }],
  )
  ids['shared'] = shared.driveId
  ids['shared/team.txt'] = shared.ids['team.txt'] ?? ''
  const ben = await drive.seed(oauth.users[1]?.sub ?? '', [{ name: 'ben.txt', content: 'his' }])
  ids['ben/ben.txt'] = ben['ben.txt'] ?? ''
  ids['root'] = 'root'
  ids['root’s own id'] = drive.rootOf(driveway.sub)
  ids['nothing'] = 'nothing-is-here-at-all'
  folderBearer = await createBearer(driveway, { folder: idOf('Box') })
})
afterAll(() => driveway.close())
afterEach(() => {
  clock = 0
  driveway.google.drive.expireSessions()
  driveway.resetUploads()
})

const get = (path: string, headers = folderBearer): Promise<RawResponse> =>
  send(driveway.origin, path, { headers })
const notFound = [404, 'drive_not_found']
const outsideFolder = [403, 'outside_folder']

const pathsOutside = [
  'Beside',
  'Beside/secret.txt',
  'top.txt',
  'root',
  'root’s own id',
  'shared',
  'shared/team.txt',
  'ben/ben.txt',
  'nothing',
]

describe('reading', () => {
  test('GET /files lists the token’s folder and its subfolders', async () => {
    expect(fileNames(await get('/files')).toSorted()).toEqual(['Deep', 'in.txt'])
    expect(fileNames(await get(`/files?folder=${idOf('Box/Deep/Deeper')}`))).toEqual(['d.txt'])
    expect(fileNames(await get(`/files?folder=${idOf('Box')}`))).toHaveLength(2)
  })

  test('GET /files?q= searches only the token’s folder', async () => {
    expect(fileNames(await get('/files?q=txt'))).toEqual(['in.txt'])
    expect(fileNames(await get('/files?q=secret'))).toEqual([])
    expect(fileNames(await get('/files?q=txt', driveway.session))).toContain('secret.txt')
  })

  test('GET /files as NDJSON lists only the token’s folder', async () => {
    const { body } = await get('/files', { ...folderBearer, accept: 'application/x-ndjson' })
    expect(body.trim().split('\n')).toHaveLength(2)
    const other = await get(`/files?folder=${idOf('Beside')}`, {
      ...folderBearer,
      accept: 'application/x-ndjson',
    })
    expect(statusAndCode(other)).toEqual(notFound)
  })

  test('GET /files/{id} returns files at every depth of the folder', async () => {
    for (const path of ['Box/in.txt', 'Box/Deep/Deeper/d.txt']) {
      expect((await get(`/files/${idOf(path)}`)).status).toBe(200)
      expect((await get(`/files/${idOf(path)}/content`)).status).toBe(200)
    }
  })

  test('GET /files/{id} of the folder hides its parent', async () => {
    const { status, body } = await get(`/files/${idOf('Box')}`)
    expect([status, (JSON.parse(body) as { parents: unknown }).parents]).toEqual([200, []])
    expect(body).not.toContain(driveway.google.drive.rootOf(driveway.sub))
  })

  test.each(pathsOutside)('Reading %s gets the same response as an unknown id', async (path) => {
    const absent = withoutRequestId(await get('/files/none'))
    expect(absent).toMatchObject({ status: 404, code: 'drive_not_found' })
    const id = idOf(path)
    for (const target of [`/files/${id}`, `/files/${id}/content`, `/files?folder=${id}`]) {
      expect([target, withoutRequestId(await get(target))]).toEqual([target, absent])
      expect(
        (await send(driveway.origin, target, { method: 'HEAD', headers: folderBearer })).status,
      ).not.toBe(200)
    }
  })

  test('A shortcut does not lead out of the folder', async () => {
    const { drive } = driveway.google
    const shortcuts = await drive.seed(driveway.sub, [
      { name: 'out.txt', content: 'out' },
      {
        name: 'Trap',
        folder: [{ name: 'way out', shortcutTo: 'out.txt' }],
      },
    ])
    const trapped = await createBearer(driveway, { folder: shortcuts['Trap'] })
    const shortcut = shortcuts['Trap/way out'] ?? ''
    expect((await get(`/files/${shortcut}`, trapped)).status).toBe(200)
    expect((await get(`/files/${shortcut}/content`, trapped)).status).toBeGreaterThanOrEqual(400)
    const target = await get(`/files/${shortcuts['out.txt']}/content`, trapped)
    expect(statusAndCode(target)).toEqual(notFound)
    const through = await get(`/files?folder=${shortcut}`, trapped)
    expect(through.body).not.toContain('out.txt')
  })

  test('A file that is moved out is inaccessible immediately, a folder within 30 seconds', async () => {
    const { drive } = driveway.google
    const created = await drive.seed(driveway.sub, [
      {
        name: 'Yard',
        folder: [
          { name: 'm.txt', content: 'moves' },
          { name: 'Shed', folder: [{ name: 's.txt', content: 'moves with it' }] },
        ],
      },
    ])
    const yard = await createBearer(driveway, { folder: created['Yard'] })
    const file = created['Yard/m.txt'] ?? ''
    const nested = created['Yard/Shed/s.txt'] ?? ''
    expect((await get(`/files/${file}`, yard)).status).toBe(200)
    expect((await get(`/files/${nested}`, yard)).status).toBe(200)
    drive.move(file, idOf('Beside'))
    expect(statusAndCode(await get(`/files/${file}`, yard))).toEqual(notFound)
    drive.move(created['Yard/Shed'] ?? '', idOf('Beside'))
    clock = 30_000
    expect(statusAndCode(await get(`/files/${nested}`, yard))).toEqual(notFound)
  })
})

/** Uploads `a.txt` with each upload method, optionally to a folder or a path. */
const uploadMethods: [
  string,
  (folder: string | undefined, path?: string) => Promise<RawResponse>,
][] = [
  [
    'a raw body',
    (folder, path = '') =>
      putFile(driveway, folderBearer, `${path}a.txt${folder ? `?folder=${folder}` : ''}`),
  ],
  [
    'a form',
    (folder, path) =>
      uploadForm(
        { origin: driveway.origin, bearer: folderBearer },
        form(
          'b',
          ...(folder ? [fieldPart('folder', folder)] : []),
          ...(path ? [fieldPart('path', path.slice(0, -1))] : []),
          filePart('a.txt', 'hello'),
        ),
      ),
  ],
  [
    'tus',
    (folder, path) => {
      const pairs = { filename: 'a.txt', folder, path: path?.slice(0, -1) }
      const metadata = Object.entries(pairs)
        .filter(([, value]) => value)
        .map(([key, value = '']) => `${key} ${Buffer.from(value).toString('base64')}`)
      return send(driveway.origin, '/upload/tus', {
        method: 'POST',
        headers: {
          ...folderBearer,
          'tus-resumable': '1.0.0',
          'upload-length': '5',
          'upload-metadata': metadata.join(','),
          'content-type': 'application/offset+octet-stream',
        },
        body: 'hello',
      })
    },
  ],
  [
    'a ticket',
    async (folder) => {
      const params = { name: 'a.txt', size: 5, ...(folder ? { folder } : {}) }
      const issued = await postJson(driveway, '/upload/tickets', folderBearer, params)
      if (issued.status !== 201) return issued
      const ticket = JSON.parse(issued.body) as { uploadUrl: string; completeUrl: string }
      await fetch(ticket.uploadUrl, { method: 'PUT', body: 'hello' })
      const { pathname } = new URL(ticket.completeUrl)
      return send(driveway.origin, pathname, { method: 'POST', headers: folderBearer })
    },
  ],
]

describe.each(uploadMethods)('uploading with %s', (method, upload) => {
  test('stores into the token’s folder by default', async () => {
    expect((await upload(undefined)).status).toBe(201)
    expect(driveway.uploaded().map(({ parents }) => parents)).toEqual([[idOf('Box')]])
  })

  test('stores into a subfolder', async () => {
    expect((await upload(idOf('Box/Deep/Deeper'))).status).toBe(201)
    expect(driveway.uploaded().map(({ parents }) => parents)).toEqual([[idOf('Box/Deep/Deeper')]])
  })

  if (method !== 'a ticket') {
    test('creates the folders of a path in the token’s folder', async () => {
      const names = [`${method} x`, `${method} y`].map((name) => name.replaceAll(' ', '-'))
      expect((await upload(undefined, `${names.join('/')}/`)).status).toBe(201)
      const [x, y] = names.map((name) => driveway.uploaded().find((file) => file.name === name))
      expect([x?.parents, y?.parents]).toEqual([[idOf('Box')], [x?.id]])
    })
  }

  test.each(pathsOutside.filter((path) => !path.endsWith('.txt')))(
    'returns 403 outside_folder for %s',
    async (path) => {
      driveway.google.calls.length = 0
      expect(statusAndCode(await upload(idOf(path)))).toEqual(outsideFolder)
      expect(driveway.uploaded()).toEqual([])
      const writes = driveway.driveCalls().filter((call) => call !== 'drive.files.get')
      expect(writes).toEqual([])
    },
  )
})

describe('changing existing files', () => {
  test('mode=replace and mode=skip apply to files in the token’s folder', async () => {
    const put = (mode: string): Promise<RawResponse> =>
      putFile(driveway, folderBearer, `top.txt?mode=${mode}`, 'mine')
    expect((await put('skip')).status).toBe(201)
    expect((await put('replace')).status).toBe(200)
    const bytes = await driveway.google.drive.contentOf(idOf('top.txt'))
    expect(bytes.toString()).toBe('at the top')
  })

  test('POST /files creates folders in the token’s folder only', async () => {
    const createFolder = (folder?: string): Promise<RawResponse> =>
      postJson(driveway, '/files', folderBearer, { name: `made ${folder ?? ''}`, folder })
    expect((await createFolder()).status).toBe(201)
    expect(driveway.uploaded().map(({ parents }) => parents)).toEqual([[idOf('Box')]])
    for (const path of ['Beside', 'root', 'shared']) {
      expect(statusAndCode(await createFolder(idOf(path)))).toEqual(outsideFolder)
    }
  })

  test('A tus upload of another credential can be neither resumed nor deleted', async () => {
    const tus = { 'tus-resumable': '1.0.0' }
    const created = await send(driveway.origin, '/upload/tus', {
      method: 'POST',
      headers: { ...driveway.bearer, ...tus, 'upload-length': '5' },
    })
    const { pathname } = new URL(created.headers.location ?? '')
    for (const method of ['HEAD', 'PATCH', 'DELETE']) {
      const patch =
        method === 'PATCH'
          ? { 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' }
          : {}
      const headers = { ...folderBearer, ...tus, ...patch }
      expect((await send(driveway.origin, pathname, { method, headers })).status).toBe(404)
    }
    const head = { method: 'HEAD', headers: { ...driveway.bearer, ...tus } }
    expect((await send(driveway.origin, pathname, head)).status).toBe(200)
  })

  test('A ticket of another credential cannot be completed', async () => {
    const ticket = { name: 'a.txt', size: 5 }
    const issued = await postJson(driveway, '/upload/tickets', driveway.bearer, ticket)
    const { completeUrl } = JSON.parse(issued.body) as { completeUrl: string }
    const { pathname } = new URL(completeUrl)
    const completed = await send(driveway.origin, pathname, {
      method: 'POST',
      headers: folderBearer,
    })
    expect(statusAndCode(completed)).toEqual([404, 'not_found'])
  })
})
