import { beforeAll, describe, expect, test } from '@jest/globals'
import type { Seed } from '../../../../infra/sandbox/drive/index.ts'
import { reasonOf, sha256, withDrive } from './fixture.ts'

const fixture = withDrive()
const { send } = fixture

const tree: Seed[] = [
  {
    name: 'Projects',
    folder: [
      { name: "Valentine's Day.txt", content: 'roses are red', mimeType: 'text/plain' },
      { name: 'HelloWorld', document: 'quick brown fox', starred: true },
      { name: 'back\\slash', content: '' },
    ],
  },
  { name: 'file 10.txt', content: 'ten', modifiedTime: '2026-01-10T00:00:00Z' },
  { name: 'file 9.txt', content: 'nine', modifiedTime: '2026-01-09T00:00:00Z' },
  { name: 'bin.txt', content: 'gone', trashed: true },
  { name: 'Link', shortcutTo: 'Projects/HelloWorld' },
  { name: 'made.bin', content: 'by the app', createdBy: 'driveway' },
]

let ids: Record<string, string>
let shared: { driveId: string; ids: Record<string, string> }

beforeAll(async () => {
  ids = await fixture.drive.seed('ada', tree)
  shared = await fixture.drive.seedSharedDrive(
    'Team',
    ['ada'],
    [{ name: 'plan.txt', content: 'p' }],
  )
})

async function list(q: string, more = '', as = 'full'): Promise<string[]> {
  const path = `/drive/v3/files?q=${encodeURIComponent(q)}${more}`
  const response = await send('GET', path, { as })
  if (response.status !== 200) throw new Error(`${response.status} ${response.text}`)
  return (response.json.files as { name: string }[]).map(({ name }) => name)
}

const mediaAs = (name: string, as: string) =>
  send('GET', `/drive/v3/files/${ids[name]}?alt=media`, { as })

const createAs = (as: string, parent: string | undefined) =>
  send('POST', '/drive/v3/files', { as, body: { name: 'tmp', parents: [parent] } })

const media = (name: string, headers: Record<string, string> = {}) =>
  send('GET', `/drive/v3/files/${ids[name]}?alt=media`, { headers })

const exportPath = (name: string, type: string) =>
  `/drive/v3/files/${ids[name]}/export?mimeType=${type}`

const create = (body: object, query = '') => send('POST', `/drive/v3/files${query}`, { body })

describe('files.list', () => {
  test.each<[string, string[]]>([
    ["name = 'helloworld'", ['HelloWorld']],
    ["name contains 'hello'", ['HelloWorld']],
    ["name contains 'World'", []],
    ["name contains 'day val'", ["Valentine's Day.txt"]],
    ["name = 'Valentine\\'s Day.txt'", ["Valentine's Day.txt"]],
    ["name = 'back\\\\slash'", ['back\\slash']],
    ["fullText contains 'brown'", ['HelloWorld']],
    ["fullText contains 'bro'", []],
    ['fullText contains \'"quick brown"\'', ['HelloWorld']],
    ['fullText contains \'"quick fox"\'', []],
    ["mimeType = 'application/vnd.google-apps.folder'", ['Projects']],
    ["mimeType contains 'vnd.google-apps.sh'", ['Link']],
    ['starred = true', ['HelloWorld']],
    ['trashed = true', ['bin.txt']],
    ['not trashed != true', ['bin.txt']],
    ["modifiedTime < '2026-01-10'", ['file 9.txt']],
    [
      "modifiedTime <= '2026-01-10T00:00:00' and name contains 'file'",
      ['file 10.txt', 'file 9.txt'],
    ],
    ["modifiedTime = '2026-01-10T01:00:00+01:00'", ['file 10.txt']],
    ["name = 'Link' or name = 'bin.txt' and trashed = false", ['Link']],
    ["name = 'Link' or (name = 'bin.txt' and trashed = true)", ['Link', 'bin.txt']],
    [
      "not (name contains 'f' or name contains 'b') and 'root' in parents and not name = 'Link'",
      ['Projects'],
    ],
    ["'ada@example.com' in owners and name contains 'file'", ['file 10.txt', 'file 9.txt']],
    ['sharedWithMe', []],
    ["appProperties has { key='k' and value='v' }", []],
  ])('finds files by %s', async (q, names) => {
    expect((await list(q)).toSorted()).toEqual(names.toSorted())
  })

  test.each([
    "name = 'open",
    "name = 'bad \\n escape'",
    "name == 'a'",
    "name > 'a'",
    "nosuch = 'a'",
    "__proto__ = 'a'",
    'name = true',
    "trashed = 'true'",
    'name',
    "name = 'a' and",
    "(name = 'a'",
    "name = 'a')",
    "name = 'a' name = 'b'",
    "modifiedTime > 'yesterday'",
    'root in parents',
    "appProperties has { key='k' }",
    'name = "a',
    "name contains '\\'\"'",
  ])('rejects the query %s', async (q) => {
    const rejected = await send('GET', `/drive/v3/files?q=${encodeURIComponent(q)}`)
    expect(rejected.status).toBe(400)
    expect(rejected.json.error.errors).toEqual([
      {
        domain: 'global',
        reason: 'invalid',
        message: 'Invalid Value',
        locationType: 'parameter',
        location: 'q',
      },
    ])
  })

  test('returns 404 for an absent or inaccessible parent', async () => {
    for (const parent of ['absent', ids['Projects']]) {
      const q = encodeURIComponent(`'${parent}' in parents`)
      const rejected = await send('GET', `/drive/v3/files?q=${q}`, { as: 'ben' })
      expect([rejected.status, rejected.json.error.message]).toEqual([404, 'File not found: .'])
    }
  })

  test('sorts by orderBy', async () => {
    const q = "'root' in parents and trashed = false"
    expect(await list(q, '&orderBy=folder,name_natural')).toEqual([
      'Projects',
      'file 9.txt',
      'file 10.txt',
      'Link',
      'made.bin',
    ])
    const files = "name contains 'file'"
    expect(await list(files, '&orderBy=name')).toEqual(['file 10.txt', 'file 9.txt'])
    expect(await list(files, '&orderBy=name%20desc')).toEqual(['file 9.txt', 'file 10.txt'])
    expect(await list(files, '&orderBy=modifiedTime')).toEqual(['file 9.txt', 'file 10.txt'])
    for (const orderBy of ['size', 'name up', 'name,', 'toString']) {
      const path = `/drive/v3/files?orderBy=${encodeURIComponent(orderBy)}`
      expect((await send('GET', path)).status).toBe(400)
    }
    const fullText = `/drive/v3/files?orderBy=name&q=${encodeURIComponent("fullText contains 'a'")}`
    expect((await send('GET', fullText)).status).toBe(403)
  })

  test('returns page tokens that are bound to the caller and the parameters', async () => {
    const base = '/drive/v3/files?pageSize=3&orderBy=name&fields=nextPageToken,files(name)'
    const names: string[] = []
    let token: string | undefined
    let first = ''
    do {
      const next: string = token ? `&pageToken=${encodeURIComponent(token)}` : ''
      const { json } = await send('GET', base + next)
      names.push(...(json.files as { name: string }[]).map(({ name }) => name))
      token = json.nextPageToken
      first ||= token ?? ''
    } while (token)
    expect(names).toEqual(names.toSorted((a, b) => a.localeCompare(b)))
    expect(names).toHaveLength(9)
    const invalid = [
      [base, 'nonsense', 'full'],
      [base, first, 'ben'],
      [`${base}&q=trashed=false`, first, 'full'],
    ]
    for (const [path, pageToken, as] of invalid) {
      const rejected = await send('GET', `${path}&pageToken=${pageToken}`, { as: as ?? '' })
      expect([rejected.status, rejected.json.error.errors[0].location]).toEqual([400, 'pageToken'])
    }
  })

  test('accepts page sizes from 1, and lowers those over 1000', async () => {
    for (const size of ['0', '-1', 'ten', '1.5']) {
      expect((await send('GET', `/drive/v3/files?pageSize=${size}`)).status).toBe(400)
    }
    expect((await send('GET', '/drive/v3/files?pageSize=5000')).status).toBe(200)
  })

  test('returns the requested fields only', async () => {
    const q = `q=${encodeURIComponent("name = 'HelloWorld'")}`
    const bare = await send('GET', `/drive/v3/files?${q}`)
    expect(bare.json).toEqual({
      kind: 'drive#fileList',
      incompleteSearch: false,
      files: [
        {
          kind: 'drive#file',
          id: ids['Projects/HelloWorld'],
          name: 'HelloWorld',
          mimeType: 'application/vnd.google-apps.document',
        },
      ],
    })
    const masked = await send(
      'GET',
      `/drive/v3/files?${q}&fields=files(name, owners/emailAddress,capabilities(canDownload))`,
    )
    expect(masked.json).toEqual({
      files: [
        {
          name: 'HelloWorld',
          owners: [{ emailAddress: 'ada@example.com' }],
          capabilities: { canDownload: true },
        },
      ],
    })
    for (const fields of ['items', 'files(title)', 'files(', 'files)', 'files(name),', '']) {
      const response = await send('GET', `/drive/v3/files?${q}&fields=${fields}`)
      expect([fields, response.status]).toEqual([fields, fields === '' ? 200 : 400])
    }
  })

  test('lists shared drives only with supportsAllDrives and includeItemsFromAllDrives', async () => {
    const rules = '&supportsAllDrives=true&includeItemsFromAllDrives=true'
    expect(await list("name = 'plan.txt'")).toEqual([])
    expect(await list("name = 'plan.txt'", rules)).toEqual(['plan.txt'])
    const inDrive = `${rules}&corpora=drive&driveId=${shared.driveId}`
    expect(await list('trashed = false', inDrive)).toEqual(['plan.txt'])
    expect(await list(`'${shared.driveId}' in parents`, rules)).toEqual(['plan.txt'])
    for (const query of [
      '&includeItemsFromAllDrives=true',
      `&corpora=drive${rules}`,
      `&driveId=${shared.driveId}${rules}`,
      `&corpora=drive&driveId=${shared.driveId}`,
      '&corpora=allDrives',
      '&corpora=everything',
      '&supportsAllDrives=yes',
    ]) {
      expect([query, (await send('GET', `/drive/v3/files?${query}`)).status]).toEqual([query, 400])
    }
    const foreign = await send('GET', `/drive/v3/files?${inDrive}`, { as: 'ben' })
    expect(foreign.status).toBe(404)
  })

  test('finds items shared by another user', async () => {
    const sharedIds = await fixture.drive.seed('ben', [
      { name: 'for ada', folder: [{ name: 'inner.txt', content: 'i' }] },
    ])
    fixture.drive.share(sharedIds['for ada'] ?? '', 'ada', 'reader')
    expect(await list('sharedWithMe')).toEqual(['for ada'])
    expect(await list(`'${sharedIds['for ada']}' in parents`)).toEqual(['inner.txt'])
    const path = `/drive/v3/files/${sharedIds['for ada/inner.txt']}`
    expect(reasonOf(await send('PATCH', path, { body: { name: 'mine' } }))).toBe(
      'insufficientFilePermissions',
    )
    expect((await send('DELETE', path)).status).toBe(403)
    await send('DELETE', `/drive/v3/files/${sharedIds['for ada']}`, { as: 'ben' })
  })
})

describe('scopes', () => {
  test('drive.file gives access to the files of the application only', async () => {
    expect(await list('trashed = false', '', 'own')).toEqual(['made.bin'])
    expect(await list('trashed = false', '', 'otherApp')).toEqual([])
    const hidden = await send('GET', `/drive/v3/files/${ids['file 9.txt']}`, { as: 'own' })
    expect([hidden.status, reasonOf(hidden)]).toEqual([404, 'notFound'])
    expect((await send('GET', `/drive/v3/files/${ids['made.bin']}`, { as: 'own' })).status).toBe(
      200,
    )
  })

  test('drive.metadata.readonly lists all files, but reads none of other applications', async () => {
    expect(await list("'root' in parents and trashed = false", '', 'browse')).toHaveLength(5)
    expect(reasonOf(await mediaAs('file 9.txt', 'browse'))).toBe('appNotAuthorizedToFile')
    expect((await mediaAs('made.bin', 'browse')).text).toBe('by the app')
    const rejected = await mediaAs('made.bin', 'metadata')
    expect(rejected.json.error).toMatchObject({
      code: 403,
      status: 'PERMISSION_DENIED',
      errors: [{ reason: 'insufficientPermissions' }],
      details: [{ reason: 'ACCESS_TOKEN_SCOPE_INSUFFICIENT' }],
    })
  })

  test('read-only scopes create nothing, and other scopes give no access', async () => {
    for (const as of ['readonly', 'metadata', 'nothing']) {
      for (const path of [
        '/drive/v3/files',
        '/upload/drive/v3/files?uploadType=resumable',
        '/upload/drive/v3/files?uploadType=media',
        '/upload/drive/v3/files?uploadType=multipart',
      ]) {
        const rejected = await send('POST', path, { as, body: {} })
        expect([rejected.status, reasonOf(rejected)]).toEqual([403, 'insufficientPermissions'])
      }
    }
    expect((await send('GET', '/drive/v3/files', { as: 'nothing' })).status).toBe(403)
    expect((await send('GET', '/drive/v3/drives', { as: 'own' })).status).toBe(403)
  })

  test('a missing or invalid bearer token returns 401', async () => {
    const missing = await send('GET', '/drive/v3/files', { as: null })
    expect([missing.status, reasonOf(missing)]).toEqual([401, 'required'])
    const stale = await send('GET', '/drive/v3/files', { as: 'stale' })
    expect(stale.json.error).toMatchObject({
      code: 401,
      status: 'UNAUTHENTICATED',
      errors: [{ reason: 'authError', location: 'Authorization', locationType: 'header' }],
    })
  })

  test('drive.file adds files to the root, but not to an inaccessible folder', async () => {
    expect((await createAs('own', 'root')).status).toBe(200)
    expect((await createAs('own', fixture.drive.rootOf('ada'))).status).toBe(200)
    expect((await createAs('own', ids['Projects'])).status).toBe(404)
    expect(reasonOf(await createAs('browse', ids['Projects']))).toBe('appNotAuthorizedToFile')
  })
})

describe('files.get', () => {
  test('returns content as a whole and in ranges', async () => {
    const whole = await media('made.bin')
    expect([whole.status, whole.text]).toEqual([200, 'by the app'])
    for (const [range, text, contentRange] of [
      ['bytes=0-1', 'by', 'bytes 0-1/10'],
      ['bytes=3-', 'the app', 'bytes 3-9/10'],
      ['bytes=-3', 'app', 'bytes 7-9/10'],
      ['bytes=7-99', 'app', 'bytes 7-9/10'],
    ] as const) {
      const part = await media('made.bin', { range })
      expect([part.status, part.text, part.headers.get('content-range')]).toEqual([
        206,
        text,
        contentRange,
      ])
    }
    const outside = await media('made.bin', { range: 'bytes=10-' })
    expect([outside.status, outside.headers.get('content-range')]).toEqual([416, 'bytes */10'])
    expect((await media('Projects/back\\slash', { range: 'bytes=0-0' })).status).toBe(416)
    expect((await media('Projects/back\\slash')).headers.get('content-length')).toBe('0')
  })

  test('rejects downloads of Docs, folders and shortcuts', async () => {
    for (const name of ['Projects', 'Projects/HelloWorld', 'Link']) {
      expect(reasonOf(await media(name))).toBe('fileNotDownloadable')
    }
  })

  test('returns MD5 and SHA-1 on request', async () => {
    const path = `/drive/v3/files/${ids['made.bin']}?fields=md5Checksum,sha1Checksum,sha256Checksum`
    const { json } = await send('GET', path)
    expect(json.md5Checksum).toMatch(/^[0-9a-f]{32}$/)
    expect(json.sha1Checksum).toMatch(/^[0-9a-f]{40}$/)
    expect(json.sha256Checksum).toBe(sha256(Buffer.from('by the app')))
  })

  test('returns every field for *, except those that a folder lacks', async () => {
    const { json } = await send('GET', '/drive/v3/files/root?fields=*')
    expect(json).toMatchObject({ name: 'My Drive', ownedByMe: true })
    expect(json).not.toHaveProperty('size')
    const shortcut = await send('GET', `/drive/v3/files/${ids['Link']}?fields=*`)
    expect(shortcut.json.shortcutDetails).toEqual({
      targetId: ids['Projects/HelloWorld'],
      targetMimeType: 'application/vnd.google-apps.document',
    })
  })

  test('returns 404 for a file of a shared drive without supportsAllDrives', async () => {
    const path = `/drive/v3/files/${shared.ids['plan.txt']}?alt=media`
    expect((await send('GET', path)).status).toBe(404)
    expect((await send('GET', `${path}&supportsAllDrives=true`)).text).toBe('p')
  })

  test('exports Docs in the supported formats', async () => {
    expect((await send('GET', exportPath('Projects/HelloWorld', 'text/plain'))).text).toBe(
      'quick brown fox',
    )
    expect((await send('GET', exportPath('Projects/HelloWorld', 'image/png'))).status).toBe(400)
    expect((await send('GET', exportPath('Projects/HelloWorld', ''))).status).toBe(400)
    expect(reasonOf(await send('GET', exportPath('made.bin', 'text/plain')))).toBe(
      'fileNotExportable',
    )
    const big = await fixture.drive.seed('ada', [{ name: 'big', document: 'x'.repeat(10_485_761) }])
    const rejected = await send('GET', `/drive/v3/files/${big['big']}/export?mimeType=text/plain`)
    expect(reasonOf(rejected)).toBe('exportSizeLimitExceeded')
    await send('DELETE', `/drive/v3/files/${big['big']}`)
  })
})

describe('files.create and files.update', () => {
  test('create folders, shortcuts and empty files', async () => {
    const folder = await create({ name: 'F', mimeType: 'application/vnd.google-apps.folder' })
    const shortcut = await create({
      name: 'S',
      mimeType: 'application/vnd.google-apps.shortcut',
      parents: [folder.json.id],
      shortcutDetails: { targetId: ids['made.bin'] },
    })
    expect(shortcut.json).toMatchObject({ kind: 'drive#file', name: 'S' })
    const empty = await create({ parents: [folder.json.id] }, '?fields=size,name,parents')
    expect(empty.json).toEqual({ size: '0', name: 'Untitled', parents: [folder.json.id] })
    expect((await send('DELETE', `/drive/v3/files/${folder.json.id}`)).status).toBe(204)
    expect(fixture.drive.file(shortcut.json.id)).toBeUndefined()
  })

  test.each<[string, object, number]>([
    ['an absent parent', { parents: ['absent'] }, 404],
    ['two parents', { parents: ['root', 'root'] }, 403],
    ['a name that is not a string', { name: 5 }, 400],
    ['an invalid time', { modifiedTime: 'now' }, 400],
    ['a read-only field', { size: '5' }, 403],
    ['a shortcut without a target', { mimeType: 'application/vnd.google-apps.shortcut' }, 400],
    ['an over-long property', { appProperties: { k: 'v'.repeat(124) } }, 400],
    ['an id that was not generated', { id: 'abc' }, 400],
  ])('reject %s', async (_, body, status) => {
    expect((await create(body)).status).toBe(status)
  })

  test('reject a file as parent, and malformed JSON', async () => {
    expect(reasonOf(await create({ parents: [ids['made.bin']] }))).toBe('parentNotAFolder')
    const cut = await send('POST', '/drive/v3/files', { body: '{"name":' })
    expect([cut.status, reasonOf(cut)]).toEqual([400, 'parseError'])
  })

  test('rename, trash, move and label items', async () => {
    const { json: folder } = await create({ mimeType: 'application/vnd.google-apps.folder' })
    const { json: file } = await create({ name: 'a', appProperties: { k: 'v', l: 'w' } })
    const path = `/drive/v3/files/${file.id}`
    const change = (body: object, query = '') => send('PATCH', path + query, { body })
    expect((await change({ name: 'b' })).json.name).toBe('b')
    expect(await list("appProperties has { key='k' and value='v' }")).toEqual(['b'])
    const cleared = await change({ appProperties: { k: null } }, '?fields=appProperties')
    expect(cleared.json).toEqual({ appProperties: { l: 'w' } })
    expect((await send('GET', `${path}?fields=appProperties`, { as: 'readonly' })).json).toEqual({
      appProperties: { l: 'w' },
    })
    expect(reasonOf(await change({ parents: ['root'] }))).toBe('fieldNotWritable')
    expect(reasonOf(await change({}, `?removeParents=root`))).toBe('cannotRemoveParent')
    const moved = await change({}, `?addParents=${folder.id}&removeParents=root&fields=parents`)
    expect(moved.json.parents).toEqual([folder.id])
    const loop = `/drive/v3/files/${folder.id}?addParents=${folder.id}&removeParents=root`
    expect((await send('PATCH', loop, { body: {} })).status).toBe(400)
    await send('PATCH', `/drive/v3/files/${folder.id}`, { body: { trashed: true } })
    const below = await send('GET', `${path}?fields=trashed,explicitlyTrashed`)
    expect(below.json).toEqual({ trashed: true, explicitlyTrashed: false })
    await send('DELETE', `/drive/v3/files/${folder.id}`)
    expect((await send('GET', path)).status).toBe(404)
  })

  test('reject a generated id for Docs, and for shortcuts one that was generated for files', async () => {
    const { json } = await send('GET', '/drive/v3/files/generateIds?count=2')
    const doc = await create({ id: json.ids[0], mimeType: 'application/vnd.google-apps.document' })
    expect(doc.status).toBe(403)
    const shortcut = {
      mimeType: 'application/vnd.google-apps.shortcut',
      shortcutDetails: { targetId: ids['made.bin'] },
    }
    expect((await create({ id: json.ids[1], ...shortcut })).status).toBe(400)
    const own = await send('GET', '/drive/v3/files/generateIds?count=1&type=shortcuts')
    expect((await create({ id: own.json.ids[0], ...shortcut })).status).toBe(200)
  })
})

test('about.get requires fields, and returns the user and the quota usage', async () => {
  expect((await send('GET', '/drive/v3/about')).status).toBe(400)
  const about = await send('GET', '/drive/v3/about?fields=user(emailAddress,me),storageQuota/usage')
  expect(about.json).toEqual({
    user: { emailAddress: 'ada@example.com', me: true },
    storageQuota: { usage: expect.stringMatching(/^\d+$/) },
  })
})

test('drives.list returns the shared drives of the caller', async () => {
  const mine = await send('GET', '/drive/v3/drives')
  expect(mine.json.drives).toEqual([{ kind: 'drive#drive', id: shared.driveId, name: 'Team' }])
  expect((await send('GET', '/drive/v3/drives', { as: 'ben' })).json.drives).toEqual([])
})

test('GET /sandbox/drive returns the stored files and sessions', async () => {
  const { json } = await send('GET', '/sandbox/drive', { as: null })
  expect(json.files).toContainEqual(
    expect.objectContaining({
      id: ids['made.bin'],
      name: 'made.bin',
      size: 10,
      sha256: sha256(Buffer.from('by the app')),
      owner: 'ada',
      parents: [fixture.drive.rootOf('ada')],
    }),
  )
  expect(json).toMatchObject({ openSessions: 0, bytesStored: expect.any(Number) })
})
