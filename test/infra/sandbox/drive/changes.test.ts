import { describe, expect, test } from '@jest/globals'
import { withDrive } from './fixture.ts'

const fixture = withDrive()
const { send } = fixture

const create = async (body: object, as = 'full'): Promise<string> =>
  (await send('POST', '/drive/v3/files', { as, body })).json.id

async function startToken(): Promise<string> {
  return (await send('GET', '/drive/v3/changes/startPageToken')).json.startPageToken
}

const changes = (pageToken: string, query = '', as = 'full') =>
  send('GET', `/drive/v3/changes?pageToken=${pageToken}${query}`, { as })

describe('changes.list', () => {
  test('returns each changed file once, with its current state', async () => {
    const old = await create({ name: 'old' })
    const token = await startToken()
    const id = await create({ name: 'new' })
    await send('PATCH', `/drive/v3/files/${id}`, { body: { name: 'renamed' } })
    await send('PATCH', `/drive/v3/files/${old}`, { body: { trashed: true } })
    const { json } = await changes(token, '&fields=*')
    expect(json.changes).toMatchObject([
      { changeType: 'file', fileId: id, removed: false, file: { id, name: 'renamed' } },
      { fileId: old, removed: false, file: { trashed: true } },
    ])
    expect((await changes(json.newStartPageToken)).json.changes).toEqual([])
  })

  test('reports a deleted file as removed, unless includeRemoved is false', async () => {
    const id = await create({})
    const token = await startToken()
    await send('DELETE', `/drive/v3/files/${id}`)
    const { json } = await changes(token)
    expect(json.changes).toEqual([
      {
        kind: 'drive#change',
        type: 'file',
        changeType: 'file',
        time: expect.any(String),
        removed: true,
        fileId: id,
      },
    ])
    expect((await changes(token, '&includeRemoved=false')).json.changes).toEqual([])
  })

  test('reports only what the caller can or could see', async () => {
    const token = await startToken()
    await create({}, 'ben')
    expect((await changes(token)).json.changes).toEqual([])
    const id = await create({})
    fixture.drive.share(id, 'ben', 'reader')
    expect((await changes(token, '', 'ben')).json.changes).toHaveLength(2)
    const later = await startToken()
    await send('DELETE', `/drive/v3/files/${id}/permissions/ben`)
    expect((await changes(later, '', 'ben')).json.changes).toMatchObject([{ removed: true }])
    expect((await changes(later)).json.changes).toMatchObject([{ removed: false }])
  })

  test('is paged', async () => {
    let token = await startToken()
    const ids = [await create({}), await create({}), await create({})]
    const seen: string[] = []
    let end = ''
    while (end === '') {
      const { json } = await changes(token, '&pageSize=2')
      seen.push(...json.changes.map((change: { fileId: string }) => change.fileId))
      token = json.nextPageToken ?? ''
      end = json.newStartPageToken ?? ''
    }
    expect(seen).toEqual(ids)
    expect((await changes(end)).json.changes).toEqual([])
  })

  test('requires a valid page token', async () => {
    for (const path of [
      '/drive/v3/changes',
      '/drive/v3/changes?pageToken=abc',
      '/drive/v3/changes?pageToken=999999999',
    ]) {
      expect([path, (await send('GET', path)).status]).toEqual([path, 400])
    }
  })
})
