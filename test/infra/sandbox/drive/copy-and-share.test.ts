import { describe, expect, test } from '@jest/globals'
import { reasonOf, withDrive } from './fixture.ts'

const fixture = withDrive()
const { send } = fixture

const create = async (body: object, as = 'full'): Promise<string> =>
  (await send('POST', '/drive/v3/files', { as, body })).json.id

async function upload(content: string): Promise<string> {
  const path = '/upload/drive/v3/files?uploadType=media'
  const headers = { 'content-type': 'text/plain' }
  return (await send('POST', path, { headers, body: content })).json.id
}

const copy = (id: string, body: object = {}, query = '', as = 'full') =>
  send('POST', `/drive/v3/files/${id}/copy${query}`, { as, body })

describe('files.copy', () => {
  test('copies content, type and folder, and keeps the source', async () => {
    const folder = await create({ mimeType: 'application/vnd.google-apps.folder' })
    const id = await upload('whole content')
    const path = `/drive/v3/files/${id}?addParents=${folder}`
    await send('PATCH', path, { body: { name: 'a.txt' } })
    const { json } = await copy(id, {}, '?fields=id,name,mimeType,parents,size')
    expect(json).toEqual({
      id: expect.not.stringMatching(id),
      name: 'Copy of a.txt',
      mimeType: 'text/plain',
      parents: [folder],
      size: '13',
    })
    await send('DELETE', `/drive/v3/files/${id}`)
    expect(String(await fixture.drive.contentOf(json.id))).toBe('whole content')
  })

  test('takes name, folder and generated id of the request', async () => {
    const ids = await send('GET', '/drive/v3/files/generateIds?count=1')
    const body = { id: ids.json.ids[0], name: 'b.txt', parents: ['root'] }
    const { json } = await copy(await upload('x'), body, '?fields=id,name,parents')
    expect(json).toEqual({ ...body, parents: [fixture.drive.rootOf('ada')] })
    expect((await copy(await upload('x'), body)).status).toBe(409)
  })

  test('copies a Google Doc with its text', async () => {
    const ids = await fixture.drive.seed('ada', [{ name: 'Doc', document: 'some words' }])
    const { json } = await copy(ids['Doc'] ?? '')
    const exported = await send('GET', `/drive/v3/files/${json.id}/export?mimeType=text/plain`)
    expect(exported.text).toBe('some words')
  })

  test('rejects a folder, an inaccessible file and a read-only scope', async () => {
    const folder = await create({ mimeType: 'application/vnd.google-apps.folder' })
    expect(reasonOf(await copy(folder))).toBe('cannotCopyFile')
    expect((await copy(folder, {}, '', 'ben')).status).toBe(404)
    expect((await copy(await upload('x'), {}, '', 'readonly')).status).toBe(403)
  })
})

const grant = (id: string, body: object, as = 'full') =>
  send('POST', `/drive/v3/files/${id}/permissions`, { as, body })

const list = (id: string, query = '', as = 'full') =>
  send('GET', `/drive/v3/files/${id}/permissions${query}`, { as })

const read = async (id: string, as: string) =>
  (await send('GET', `/drive/v3/files/${id}`, { as })).status

describe('permissions', () => {
  test('are granted to a user by address, listed and removed', async () => {
    const id = await create({ name: 'shared' })
    expect(await read(id, 'ben')).toBe(404)
    const granted = await grant(id, {
      type: 'user',
      role: 'reader',
      emailAddress: 'ben@example.com',
    })
    expect(granted.json).toEqual({
      kind: 'drive#permission',
      id: expect.any(String),
      type: 'user',
      role: 'reader',
    })
    expect(await read(id, 'ben')).toBe(200)
    const found = await send('GET', '/drive/v3/files?q=sharedWithMe', { as: 'ben' })
    expect(found.json.files).toMatchObject([{ name: 'shared' }])
    const patch = await send('PATCH', `/drive/v3/files/${id}`, { as: 'ben', body: { name: 'x' } })
    expect(reasonOf(patch)).toBe('insufficientFilePermissions')
    const { json } = await list(id, '?fields=permissions(emailAddress,role)')
    expect(json.permissions).toEqual([
      { emailAddress: 'ada@example.com', role: 'owner' },
      { emailAddress: 'ben@example.com', role: 'reader' },
    ])
    const path = `/drive/v3/files/${id}/permissions/${granted.json.id}`
    expect((await send('DELETE', path)).status).toBe(204)
    expect((await send('DELETE', path)).status).toBe(404)
    expect(await read(id, 'ben')).toBe(404)
  })

  test('reach a user who signs in only after the grant', async () => {
    const id = await create({})
    const body = { type: 'user', role: 'writer', emailAddress: 'new@example.com' }
    const { json } = await grant(id, body)
    const { permissions } = (await list(id, '?fields=permissions(id,emailAddress)')).json
    expect(permissions).toContainEqual({ id: json.id, emailAddress: 'new@example.com' })
  })

  test('of everyone with the link give access, but list nothing', async () => {
    const id = await create({ name: 'by link' })
    const { json } = await grant(id, { type: 'anyone', role: 'reader' })
    expect(json.id).toBe('anyoneWithLink')
    expect(await read(id, 'ben')).toBe(200)
    const listed = await send('GET', "/drive/v3/files?q=name='by link'", { as: 'ben' })
    expect(listed.json.files).toEqual([])
    await send('DELETE', `/drive/v3/files/${id}/permissions/anyoneWithLink`)
    expect(await read(id, 'ben')).toBe(404)
  })

  test('are paged', async () => {
    const id = await create({})
    for (const name of ['a', 'b', 'c']) {
      await grant(id, { type: 'user', role: 'reader', emailAddress: `${name}@example.com` })
    }
    const emails: string[] = []
    let token = ''
    do {
      const more = token === '' ? '' : `&pageToken=${encodeURIComponent(token)}`
      const fields = 'nextPageToken,permissions/emailAddress'
      const { json } = await list(id, `?pageSize=3&fields=${fields}${more}`)
      emails.push(...json.permissions.map((each: { emailAddress: string }) => each.emailAddress))
      token = json.nextPageToken ?? ''
    } while (token !== '')
    expect(emails.map((email) => email[0])).toEqual(['a', 'a', 'b', 'c'])
  })

  test.each<[string, object, number]>([
    ['no role', { type: 'anyone' }, 400],
    ['an unknown role', { type: 'anyone', role: 'editor' }, 400],
    ['an unknown type', { type: 'everyone', role: 'reader' }, 400],
    ['no address', { type: 'user', role: 'reader' }, 400],
    ['the owner’s role', { type: 'user', role: 'owner', emailAddress: 'b@example.com' }, 403],
  ])('are rejected with %s', async (_, body, status) => {
    expect((await grant(await create({}), body)).status).toBe(status)
  })

  test('are refused to a reader, who may give up access', async () => {
    const id = await create({})
    const body = { type: 'user', role: 'reader', emailAddress: 'ben@example.com' }
    const { json } = await grant(id, body)
    expect((await grant(id, { type: 'anyone', role: 'reader' }, 'ben')).status).toBe(403)
    expect((await list(id, '', 'ben')).status).toBe(403)
    const owner = `/drive/v3/files/${id}/permissions/ada`
    expect((await send('DELETE', owner)).status).toBe(403)
    const path = `/drive/v3/files/${id}/permissions/${json.id}`
    expect((await send('DELETE', path, { as: 'ben' })).status).toBe(204)
  })
})

describe('revisions', () => {
  test('list and return every earlier content', async () => {
    const id = await upload('one')
    const path = `/drive/v3/files/${id}`
    for (const body of ['two', 'three']) {
      const type = { 'content-type': 'text/plain' }
      await send('PATCH', `/upload${path}?uploadType=media`, { headers: type, body })
    }
    const { json } = await send('GET', `${path}/revisions?fields=revisions(id,size,mimeType)`)
    expect(json.revisions).toMatchObject([
      { size: '3', mimeType: 'text/plain' },
      { size: '3' },
      { size: '5' },
    ])
    const head = await send('GET', `${path}?fields=headRevisionId,md5Checksum`)
    expect(json.revisions[2].id).toBe(head.json.headRevisionId)
    const contents = await Promise.all(
      json.revisions.map(
        async (each: { id: string }) =>
          (await send('GET', `${path}/revisions/${each.id}?alt=media`)).text,
      ),
    )
    expect(contents).toEqual(['one', 'two', 'three'])
    const last = await send('GET', `${path}/revisions/${json.revisions[2].id}?fields=md5Checksum`)
    expect(last.json.md5Checksum).toBe(head.json.md5Checksum)
    const first = await send('GET', `${path}/revisions?pageSize=2`)
    expect(first.json.revisions).toHaveLength(2)
    const rest = `${path}/revisions?pageSize=2&pageToken=${encodeURIComponent(first.json.nextPageToken)}`
    expect((await send('GET', rest)).json.revisions).toEqual([
      {
        kind: 'drive#revision',
        id: json.revisions[2].id,
        mimeType: 'text/plain',
        modifiedTime: expect.any(String),
      },
    ])
  })

  test('of a folder and absent ones are rejected', async () => {
    const folder = await create({ mimeType: 'application/vnd.google-apps.folder' })
    const rejected = await send('GET', `/drive/v3/files/${folder}/revisions`)
    expect([rejected.status, reasonOf(rejected)]).toEqual([403, 'revisionsNotSupported'])
    const absent = `/drive/v3/files/${await upload('x')}/revisions/absent`
    expect((await send('GET', absent)).status).toBe(404)
  })
})
