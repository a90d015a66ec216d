import { describe, expect, test } from '@jest/globals'
import { withDrive } from './fixture.ts'

let now = Date.parse('2026-01-01T00:00:00Z')
const fixture = withDrive({ now: () => now })
const { send } = fixture

const folderType = 'application/vnd.google-apps.folder'

const create = async (body: object): Promise<string> =>
  (await send('POST', '/drive/v3/files', { body })).json.id

/** Lists as files.list does 60 s behind. */
async function listBehind(q: string, fields = 'name'): Promise<unknown[]> {
  fixture.sandbox.faults.add({ operation: 'drive.files.list', lagMs: 60_000 })
  const query = new URLSearchParams({ q, fields: `files(${fields})`, orderBy: 'name' })
  return (await send('GET', `/drive/v3/files?${query.toString()}`)).json.files
}

const wait = () => {
  now += 61_000
}

describe('files.list with the fault lagMs', () => {
  test('misses new files, and lists seeded ones', async () => {
    await fixture.drive.seed('ada', [{ name: 'seeded', content: 'old' }])
    await create({ name: 'created' })
    expect(await listBehind("'root' in parents")).toEqual([{ name: 'seeded' }])
    wait()
    expect(await listBehind("'root' in parents")).toEqual([{ name: 'created' }, { name: 'seeded' }])
  })

  test('returns names, folders and contents of before the latest changes', async () => {
    const [from, to] = [
      await create({ name: 'from', mimeType: folderType }),
      await create({ name: 'to', mimeType: folderType }),
    ]
    const id = await create({ name: 'first', parents: [from] })
    wait()
    const path = `/drive/v3/files/${id}?addParents=${to}`
    await send('PATCH', path, { body: { name: 'second', appProperties: { k: 'v' } } })
    await send('PATCH', `/upload/drive/v3/files/${id}?uploadType=media`, { body: 'content' })
    expect(await listBehind(`'${to}' in parents`)).toEqual([])
    const fields = 'name,size,parents,appProperties'
    const before = [{ name: 'first', size: '0', parents: [from] }]
    expect(await listBehind(`'${from}' in parents`, fields)).toEqual(before)
    const current = await send('GET', `/drive/v3/files/${id}?fields=name,size,parents`)
    expect(current.json).toEqual({ name: 'second', size: '7', parents: [to] })
    wait()
    expect(await listBehind(`'${to}' in parents`, 'name,size')).toEqual([
      { name: 'second', size: '7' },
    ])
  })

  test('still lists what was trashed or deleted, also below a folder', async () => {
    const folder = await create({ name: 'folder', mimeType: folderType })
    const ids = [await create({ parents: [folder] }), await create({ parents: [folder] })]
    const q = `'${folder}' in parents and trashed = false`
    wait()
    await send('DELETE', `/drive/v3/files/${ids[0]}`)
    await send('PATCH', `/drive/v3/files/${folder}`, { body: { trashed: true } })
    expect(await listBehind(q, 'id')).toHaveLength(2)
    expect((await send('GET', `/drive/v3/files/${ids[0]}`)).status).toBe(404)
    wait()
    expect(await listBehind(q)).toEqual([])
  })

  test('finds nothing in a new folder, which exists already', async () => {
    const folder = await create({ mimeType: folderType })
    await create({ parents: [folder] })
    expect(await listBehind(`'${folder}' in parents`)).toEqual([])
  })
})
