import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { createFolderAncestry } from '../../../functions/drive/files/folder-ancestry.ts'
import { createFolders } from '../../../functions/drive/files/folders.ts'
import type { FolderReservation, Folders } from '../../../functions/drive/files/folders.ts'
import {
  createFileIdPool,
  createIdGenerator,
} from '../../../functions/drive/upload/file-id-pool.ts'
import { createMemoryVersionedStore } from '../../../functions/store/versioned-store.ts'
import { createSend } from '../../../functions/drive/client/transport.ts'
import type { Fault } from '../../../infra/sandbox/faults.ts'
import { createDrive } from '../../../infra/sandbox/drive/index.ts'
import type { Drive } from '../../../infra/sandbox/drive/index.ts'
import { startSandbox } from '../../../infra/sandbox/server.ts'
import type { Sandbox } from '../../../infra/sandbox/server.ts'

const folderType = 'application/vnd.google-apps.folder'
const hour = 60 * 60_000

let drive: Drive
let sandbox: Sandbox
let folders: Folders
let clock = 0
const reservations = createMemoryVersionedStore<FolderReservation>()

beforeAll(async () => {
  const scopes = new Set(['drive.file', 'drive.metadata.readonly'])
  drive = createDrive({
    identify: (bearer) => {
      if (bearer === 'full')
        return { sub: 'p', email: 'p@x', scopes: new Set(['drive']), clientId: 'c' }
      return { sub: bearer, email: `${bearer}@x`, scopes, clientId: 'c' }
    },
  })
  sandbox = await startSandbox([drive])
  folders = createInstance(false)
})

afterEach(() => {
  sandbox.faults.clear()
  sandbox.calls.length = 0
})

afterAll(() => sandbox.close())

const sleep = (): Promise<void> => Promise.resolve()

/** Creates another instance: with an empty memory and the same reservations. */
function createInstance(wholeDrive: boolean): Folders {
  const send = createSend()
  const root = `${sandbox.url}/`
  const fileIds = createFileIdPool(createIdGenerator({ send, root, sleep }))
  const options = { send, root, sleep }
  const folderAncestry = createFolderAncestry(options)
  const deps = { ...options, fileIds, reservations, wholeDrive, folderAncestry }
  return createFolders(deps, () => clock)
}

function ensurePath(path: string, { on = folders, as = 'p', parent }: EnsureOptions = {}) {
  const account = { sub: as === 'full' ? 'p' : as, token: () => Promise.resolve(as) }
  const { signal } = new AbortController()
  return on.ensurePath(account, parent, path.split('/'), signal, undefined)
}

interface EnsureOptions {
  on?: Folders
  as?: string
  parent?: string
}

/** Ids of the folders with this name that are not in the bin. */
const foldersNamed = (name: string): string[] =>
  drive
    .filesOf('p')
    .filter((file) => file.name === name && file.mimeType === folderType && !file.trashed)
    .map(({ id }) => id)

/** Changes or deletes an item as the account's user, outside Driveway. */
async function changeItem(
  id: string,
  method: 'PATCH' | 'DELETE',
  body = {},
  query = '',
): Promise<void> {
  const response = await fetch(`${sandbox.url}/drive/v3/files/${id}?${query}`, {
    method,
    headers: { authorization: 'Bearer full', 'content-type': 'application/json' },
    ...(method === 'PATCH' ? { body: JSON.stringify(body) } : {}),
  })
  expect(response.status).toBeLessThan(300)
}

/** Drive does not list new items yet. */
const staleListing: Fault = {
  operation: 'drive.files.list',
  status: 200,
  body: '{"files":[]}',
  times: 99,
}

let count = 0
const newName = (): string => `folder ${++count}`

test('ensurePath() creates each folder once for eight concurrent requests on four instances', async () => {
  for (let round = 0; round < 5; round++) {
    const [parent, child] = [newName(), newName()]
    const instances = [1, 2, 3, 4].map(() => createInstance(false))
    const ids = await Promise.all(
      [...instances, ...instances].map((on) => ensurePath(`${parent}/${child}`, { on })),
    )
    expect(new Set(ids).size).toBe(1)
    expect([foldersNamed(parent).length, foldersNamed(child)]).toEqual([1, [ids[0]]])
  }
})

test('ensurePath() finds a folder that Drive does not list yet by its reserved id', async () => {
  const name = newName()
  const created = await ensurePath(name)
  sandbox.faults.add(staleListing)
  expect(await ensurePath(name, { on: createInstance(false) })).toBe(created)
  expect(foldersNamed(name)).toEqual([created])
})

test.each<[string, (id: string) => Promise<void>]>([
  ['trashed', (id) => changeItem(id, 'PATCH', { trashed: true })],
  ['deleted', (id) => changeItem(id, 'DELETE')],
  ['renamed', (id) => changeItem(id, 'PATCH', { name: 'another name' })],
  [
    'moved',
    async (id) => {
      const into = await ensurePath(newName())
      await changeItem(id, 'PATCH', {}, `addParents=${into}&removeParents=root`)
    },
  ],
])('ensurePath() creates a folder once again after it was %s', async (_, changeFolder) => {
  const name = newName()
  const before = (await ensurePath(name)) ?? ''
  await changeFolder(before)
  const ids = await Promise.all(
    [1, 2, 3, 4].map(() => ensurePath(name, { on: createInstance(false) })),
  )
  expect(new Set(ids).size).toBe(1)
  const parents = drive.file(ids[0] ?? '')?.parents
  expect([parents, drive.file(ids[0] ?? '')?.trashed]).toEqual([[drive.rootOf('p')], false])
  // Further calls return the new folder.
  expect(await ensurePath(name)).toBe(ids[0])
})

test('ensurePath() replaces a reserved id that Drive rejects although no item has it', async () => {
  const name = newName()
  for (const status of [409, 400]) {
    const before = (await ensurePath(name)) ?? ''
    await changeItem(before, 'DELETE')
    sandbox.faults.add({ operation: 'drive.files.create', status })
    const created = await ensurePath(name)
    expect(created).not.toBe(before)
    expect(foldersNamed(name)).toEqual([created])
  }
})

test('ensurePath() ignores an expired reservation', async () => {
  const name = newName()
  const before = (await ensurePath(name)) ?? ''
  await changeItem(before, 'PATCH', { name: 'renamed' })
  clock += 2 * hour
  const after = await ensurePath(name)
  expect(after).not.toBe(before)
  expect(foldersNamed(name)).toEqual([after])
})

test('ensurePath() creates a folder once when Drive’s response is lost', async () => {
  for (const fault of [{ dropResponse: true }, { status: 503, afterHandling: true }]) {
    const name = newName()
    sandbox.faults.add({ operation: 'drive.files.create', ...fault })
    expect(foldersNamed(name)).toEqual([])
    const created = await ensurePath(name)
    expect(foldersNamed(name)).toEqual([created])
  }
})

test('ensurePath() returns the oldest of several folders with the same name, on any page', async () => {
  const name = newName()
  const first = await ensurePath(name)
  await changeItem(first ?? '', 'PATCH', { name: 'temporary name' })
  clock += 2 * hour
  await ensurePath(name)
  await changeItem(first ?? '', 'PATCH', { name })
  expect(foldersNamed(name)).toHaveLength(2)
  for (const pageItems of [0, 1]) {
    sandbox.faults.add({ operation: 'drive.files.list', pageItems })
    expect(await ensurePath(name)).toBe(first)
  }
})

test('ensurePath() returns a folder that Driveway did not create with wholeDrive only', async () => {
  const name = newName()
  const { [name]: own } = await drive.seed('p', [{ name, folder: [] }])
  const created = await ensurePath(name)
  expect(created).not.toBe(own)
  await changeItem(created ?? '', 'DELETE')
  expect(await ensurePath(name, { on: createInstance(true), as: 'full' })).toBe(own)
})

test('ensurePath() keeps folders of the same name in two accounts apart', async () => {
  const name = newName()
  const one = await ensurePath(name, { as: 'p' })
  const other = await ensurePath(name, { as: 'q' })
  expect(one).not.toBe(other)
  expect(drive.file(other ?? '')?.owner).toBe('q')
})

test('ensurePath() throws drive_forbidden in a read-only folder, and drive_not_found without one', async () => {
  const { shared = '' } = await drive.seed('q', [{ name: 'shared', folder: [] }])
  drive.share(shared, 'p', 'reader')
  await expect(ensurePath(newName(), { parent: shared })).rejects.toMatchObject({
    code: 'drive_forbidden',
  })
  await expect(ensurePath(newName(), { parent: 'missing' })).rejects.toMatchObject({
    code: 'drive_not_found',
  })
})
