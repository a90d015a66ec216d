/** A token that is bound to a folder: what it sees and where it writes, by every way in (case 31). */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { codeOf, filePart, form, send, uploadForm } from '../kit/environment.ts'
import type { RawAnswer } from '../kit/environment.ts'
import { fieldPart } from '../kit/multipart-fixtures.ts'
import { createBearer } from '../kit/tokens.ts'
import { startUploading } from '../kit/upload.ts'
import type { Uploading } from '../kit/upload.ts'

let driveway: Uploading
let bound: Record<string, string>
let clock = 0
/** Ids by path; `shared/…` are in a shared drive, `ben/…` somebody else's. */
const ids: Record<string, string> = {}
const idOf = (path: string): string => {
  const id = ids[path]
  if (id === undefined) throw new Error(`Nothing at ${path}`)
  return id
}

beforeAll(async () => {
  const gateway = { wait: () => Promise.resolve(), now: () => Date.now() + clock }
  // Everything may be read: what is refused is refused for its place alone.
  driveway = await startUploading({ gateway, env: { ACCESS_PROFILE: 'full' } })
  const { drive, oauth } = driveway.google
  const made = await drive.seed(driveway.sub, [
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
  Object.assign(ids, made)
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
  bound = await createBearer(driveway, { folder: idOf('Box') })
})
afterAll(() => driveway.close())
afterEach(() => {
  clock = 0
  driveway.google.drive.forgetSessions()
  driveway.forget()
})

const get = (path: string, headers = bound): Promise<RawAnswer> =>
  send(driveway.origin, path, { headers })
const outcome = (answer: RawAnswer): unknown[] => [answer.status, codeOf(answer)]
const notFound = [404, 'drive_not_found']
const outside = [403, 'outside_folder']
const namesOf = ({ body }: RawAnswer): string[] =>
  (JSON.parse(body) as { files: { name: string }[] }).files.map(({ name }) => name)
const strip = ({ status, body }: RawAnswer): unknown => ({
  status,
  ...(JSON.parse(body) as object),
  requestId: '',
})

const elsewhere = [
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
  test('its own folder is what is listed, and what is below it can be', async () => {
    expect(namesOf(await get('/files')).toSorted()).toEqual(['Deep', 'in.txt'])
    expect(namesOf(await get(`/files?folder=${idOf('Box/Deep/Deeper')}`))).toEqual(['d.txt'])
    expect(namesOf(await get(`/files?folder=${idOf('Box')}`))).toHaveLength(2)
  })

  test('a search stays inside', async () => {
    expect(namesOf(await get('/files?q=txt'))).toEqual(['in.txt'])
    expect(namesOf(await get('/files?q=secret'))).toEqual([])
    expect(namesOf(await get('/files?q=txt', driveway.session))).toContain('secret.txt')
  })

  test('all of it as lines stays inside too', async () => {
    const { body } = await get('/files', { ...bound, accept: 'application/x-ndjson' })
    expect(body.trim().split('\n')).toHaveLength(2)
    const other = await get(`/files?folder=${idOf('Beside')}`, {
      ...bound,
      accept: 'application/x-ndjson',
    })
    expect(outcome(other)).toEqual(notFound)
  })

  test('what is inside is read, at every depth', async () => {
    for (const path of ['Box/in.txt', 'Box/Deep/Deeper/d.txt']) {
      expect((await get(`/files/${idOf(path)}`)).status).toBe(200)
      expect((await get(`/files/${idOf(path)}/content`)).status).toBe(200)
    }
  })

  test('the folder itself says nothing of what it is in', async () => {
    const { status, body } = await get(`/files/${idOf('Box')}`)
    expect([status, (JSON.parse(body) as { parents: unknown }).parents]).toEqual([200, []])
    expect(body).not.toContain(driveway.google.drive.rootOf(driveway.sub))
  })

  test.each(elsewhere)('%s is as what is not there', async (path) => {
    const absent = strip(await get('/files/none'))
    expect(absent).toMatchObject({ status: 404, code: 'drive_not_found' })
    const id = idOf(path)
    for (const target of [`/files/${id}`, `/files/${id}/content`, `/files?folder=${id}`]) {
      expect([target, strip(await get(target))]).toEqual([target, absent])
      expect(
        (await send(driveway.origin, target, { method: 'HEAD', headers: bound })).status,
      ).not.toBe(200)
    }
  })

  test('a shortcut leads nowhere', async () => {
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
    expect(outcome(target)).toEqual(notFound)
    const through = await get(`/files?folder=${shortcut}`, trapped)
    expect(through.body).not.toContain('out.txt')
  })

  test('a file that is moved out is out at once, a folder within half a minute', async () => {
    const { drive } = driveway.google
    const made = await drive.seed(driveway.sub, [
      {
        name: 'Yard',
        folder: [
          { name: 'm.txt', content: 'moves' },
          { name: 'Shed', folder: [{ name: 's.txt', content: 'moves with it' }] },
        ],
      },
    ])
    const yard = await createBearer(driveway, { folder: made['Yard'] })
    const file = made['Yard/m.txt'] ?? ''
    const below = made['Yard/Shed/s.txt'] ?? ''
    expect((await get(`/files/${file}`, yard)).status).toBe(200)
    expect((await get(`/files/${below}`, yard)).status).toBe(200)
    drive.move(file, idOf('Beside'))
    expect(outcome(await get(`/files/${file}`, yard))).toEqual(notFound)
    drive.move(made['Yard/Shed'] ?? '', idOf('Beside'))
    clock = 30_000
    expect(outcome(await get(`/files/${below}`, yard))).toEqual(notFound)
  })
})

/** Every way in: a file to a folder that is named. */
const ways: [string, (folder: string | undefined, path?: string) => Promise<RawAnswer>][] = [
  [
    'a raw body',
    (folder, path = '') =>
      send(driveway.origin, `/upload/${path}a.txt${folder ? `?folder=${folder}` : ''}`, {
        method: 'PUT',
        headers: bound,
        body: 'hello',
      }),
  ],
  [
    'a form',
    (folder, path) =>
      uploadForm(
        { origin: driveway.origin, bearer: bound },
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
          ...bound,
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
      const json = { ...bound, 'content-type': 'application/json' }
      const body = JSON.stringify({ name: 'a.txt', size: 5, ...(folder ? { folder } : {}) })
      const made = await send(driveway.origin, '/upload/tickets', {
        method: 'POST',
        headers: json,
        body,
      })
      if (made.status !== 201) return made
      const ticket = JSON.parse(made.body) as { uploadUrl: string; completeUrl: string }
      await fetch(ticket.uploadUrl, { method: 'PUT', body: 'hello' })
      const { pathname } = new URL(ticket.completeUrl)
      return send(driveway.origin, pathname, { method: 'POST', headers: bound })
    },
  ],
]

describe.each(ways)('writing by %s', (way, upload) => {
  test('goes into its own folder unless another one is named', async () => {
    expect((await upload(undefined)).status).toBe(201)
    expect(driveway.uploaded().map(({ parents }) => parents)).toEqual([[idOf('Box')]])
  })

  test('goes to a folder below it', async () => {
    expect((await upload(idOf('Box/Deep/Deeper'))).status).toBe(201)
    expect(driveway.uploaded().map(({ parents }) => parents)).toEqual([[idOf('Box/Deep/Deeper')]])
  })

  if (way !== 'a ticket') {
    test('makes the folders of a path below it', async () => {
      const names = [`${way} x`, `${way} y`].map((name) => name.replaceAll(' ', '-'))
      expect((await upload(undefined, `${names.join('/')}/`)).status).toBe(201)
      const [x, y] = names.map((name) => driveway.uploaded().find((file) => file.name === name))
      expect([x?.parents, y?.parents]).toEqual([[idOf('Box')], [x?.id]])
    })
  }

  test.each(elsewhere.filter((path) => !path.endsWith('.txt')))('goes not to %s', async (path) => {
    driveway.google.calls.length = 0
    expect(outcome(await upload(idOf(path)))).toEqual(outside)
    expect(driveway.uploaded()).toEqual([])
    const writes = driveway.driveCalls().filter((call) => call !== 'drive.files.get')
    expect(writes).toEqual([])
  })
})

describe('changing what is there', () => {
  test('replace and skip mean the files of its own folder', async () => {
    const put = (mode: string): Promise<RawAnswer> =>
      send(driveway.origin, `/upload/top.txt?mode=${mode}`, {
        method: 'PUT',
        headers: bound,
        body: 'mine',
      })
    expect((await put('skip')).status).toBe(201)
    expect((await put('replace')).status).toBe(200)
    const bytes = await driveway.google.drive.bytesOf(idOf('top.txt'))
    expect(bytes.toString()).toBe('at the top')
  })

  test('a folder is made inside, and nowhere else', async () => {
    const make = (folder?: string): Promise<RawAnswer> =>
      send(driveway.origin, '/files', {
        method: 'POST',
        headers: { ...bound, 'content-type': 'application/json' },
        body: JSON.stringify({ name: `made ${folder ?? ''}`, folder }),
      })
    expect((await make()).status).toBe(201)
    expect(driveway.uploaded().map(({ parents }) => parents)).toEqual([[idOf('Box')]])
    for (const path of ['Beside', 'root', 'shared']) {
      expect(outcome(await make(idOf(path)))).toEqual(outside)
    }
  })

  test('an upload of another credential is not gone on with, nor ended', async () => {
    const tus = { 'tus-resumable': '1.0.0' }
    const made = await send(driveway.origin, '/upload/tus', {
      method: 'POST',
      headers: { ...driveway.bearer, ...tus, 'upload-length': '5' },
    })
    const { pathname } = new URL(made.headers.location ?? '')
    for (const method of ['HEAD', 'PATCH', 'DELETE']) {
      const patch =
        method === 'PATCH'
          ? { 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' }
          : {}
      const headers = { ...bound, ...tus, ...patch }
      expect((await send(driveway.origin, pathname, { method, headers })).status).toBe(404)
    }
    const still = { method: 'HEAD', headers: { ...driveway.bearer, ...tus } }
    expect((await send(driveway.origin, pathname, still)).status).toBe(200)
  })

  test('nor is a ticket of another credential completed', async () => {
    const made = await send(driveway.origin, '/upload/tickets', {
      method: 'POST',
      headers: { ...driveway.bearer, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'a.txt', size: 5 }),
    })
    const { completeUrl } = JSON.parse(made.body) as { completeUrl: string }
    const { pathname } = new URL(completeUrl)
    const theirs = await send(driveway.origin, pathname, { method: 'POST', headers: bound })
    expect(outcome(theirs)).toEqual([404, 'not_found'])
  })
})
