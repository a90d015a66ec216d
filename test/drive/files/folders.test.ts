import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { createFolders } from '../../../functions/drive/files/folders.ts'
import type { FolderReservation, Folders } from '../../../functions/drive/files/folders.ts'
import { createIds, reserveAt } from '../../../functions/drive/upload/file-id-pool.ts'
import { createMemoryRecords } from '../../../functions/store/versioned-store.ts'
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
const reservations = createMemoryRecords<FolderReservation>()

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
  folders = create(false)
})

afterEach(() => {
  sandbox.faults.clear()
  sandbox.calls.length = 0
})

afterAll(() => sandbox.close())

const wait = (): Promise<void> => Promise.resolve()

/** As another instance would: with nothing in memory, and the same reservations. */
function create(wholeDrive: boolean): Folders {
  const send = createSend()
  const root = `${sandbox.url}/`
  const ids = createIds(reserveAt({ send, root, wait }))
  return createFolders({ send, root, ids, wait, reservations, wholeDrive }, () => clock)
}

function reach(path: string, { of = folders, as = 'p', from }: Reaching = {}) {
  const account = { sub: as === 'full' ? 'p' : as, token: () => Promise.resolve(as) }
  return of.reach(account, from, path.split('/'), new AbortController().signal)
}

interface Reaching {
  of?: Folders
  as?: string
  from?: string
}

/** Ids of the folders of a name that are not in the bin. */
const called = (name: string): string[] =>
  drive
    .filesOf('p')
    .filter((file) => file.name === name && file.mimeType === folderType && !file.trashed)
    .map(({ id }) => id)

/** What a person does in Drive's own page. */
async function change(
  id: string,
  method: 'PATCH' | 'DELETE',
  body = {},
  query = '',
): Promise<void> {
  const answer = await fetch(`${sandbox.url}/drive/v3/files/${id}?${query}`, {
    method,
    headers: { authorization: 'Bearer full', 'content-type': 'application/json' },
    ...(method === 'PATCH' ? { body: JSON.stringify(body) } : {}),
  })
  expect(answer.status).toBeLessThan(300)
}

/** Drive lists what was made a moment ago only later. */
const lagging: Fault = {
  operation: 'drive.files.list',
  status: 200,
  body: '{"files":[]}',
  times: 99,
}

let count = 0
const fresh = (): string => `folder ${++count}`

test('eight that want the same new path at once, on four instances, get the same folders', async () => {
  for (let round = 0; round < 5; round++) {
    const [one, other] = [fresh(), fresh()]
    const instances = [1, 2, 3, 4].map(() => create(false))
    const reached = await Promise.all(
      [...instances, ...instances].map((of) => reach(`${one}/${other}`, { of })),
    )
    expect(new Set(reached).size).toBe(1)
    expect([called(one).length, called(other)]).toEqual([1, [reached[0]]])
  }
})

test('a folder that Drive does not list yet is found by the id that was reserved for it', async () => {
  const name = fresh()
  const made = await reach(name)
  sandbox.faults.add(lagging)
  expect(await reach(name, { of: create(false) })).toBe(made)
  expect(called(name)).toEqual([made])
})

test.each<[string, (id: string) => Promise<void>]>([
  ['put into the bin', (id) => change(id, 'PATCH', { trashed: true })],
  ['removed for good', (id) => change(id, 'DELETE')],
  ['given another name', (id) => change(id, 'PATCH', { name: 'another name' })],
  [
    'moved into another folder',
    async (id) => {
      const into = await reach(fresh())
      await change(id, 'PATCH', {}, `addParents=${into}&removeParents=root`)
    },
  ],
])('a folder that was %s meanwhile is made anew, once for all', async (_, meanwhile) => {
  const name = fresh()
  const before = (await reach(name)) ?? ''
  await meanwhile(before)
  const reached = await Promise.all([1, 2, 3, 4].map(() => reach(name, { of: create(false) })))
  expect(new Set(reached).size).toBe(1)
  const parents = drive.file(reached[0] ?? '')?.parents
  expect([parents, drive.file(reached[0] ?? '')?.trashed]).toEqual([[drive.rootOf('p')], false])
  // It serves from now on.
  expect(await reach(name)).toBe(reached[0])
})

test('an id that Drive takes for used although nothing is there is given up', async () => {
  const name = fresh()
  for (const status of [409, 400]) {
    const before = (await reach(name)) ?? ''
    await change(before, 'DELETE')
    sandbox.faults.add({ operation: 'drive.files.create', status })
    const made = await reach(name)
    expect(made).not.toBe(before)
    expect(called(name)).toEqual([made])
  }
})

test('a reservation that is over is not believed', async () => {
  const name = fresh()
  const before = (await reach(name)) ?? ''
  await change(before, 'PATCH', { name: 'renamed' })
  clock += 2 * hour
  const after = await reach(name)
  expect(after).not.toBe(before)
  expect(called(name)).toEqual([after])
})

test('a folder is made once though the answer to its making is lost', async () => {
  for (const fault of [{ loseAnswer: true }, { status: 503, afterwards: true }]) {
    const name = fresh()
    sandbox.faults.add({ operation: 'drive.files.create', ...fault })
    expect(called(name)).toEqual([])
    const made = await reach(name)
    expect(called(name)).toEqual([made])
  }
})

test('of folders with the same name the oldest is taken, however Drive pages them', async () => {
  const name = fresh()
  const first = await reach(name)
  await change(first ?? '', 'PATCH', { name: 'hidden for a moment' })
  clock += 2 * hour
  await reach(name)
  await change(first ?? '', 'PATCH', { name })
  expect(called(name)).toHaveLength(2)
  for (const pageItems of [0, 1]) {
    sandbox.faults.add({ operation: 'drive.files.list', pageItems })
    expect(await reach(name)).toBe(first)
  }
})

test('a folder of the person’s own is used with the whole Drive granted, and not otherwise', async () => {
  const name = fresh()
  const { [name]: own } = await drive.seed('p', [{ name, folder: [] }])
  const made = await reach(name)
  expect(made).not.toBe(own)
  await change(made ?? '', 'DELETE')
  expect(await reach(name, { of: create(true), as: 'full' })).toBe(own)
})

test('two people with folders of the same name do not meet', async () => {
  const name = fresh()
  const one = await reach(name, { as: 'p' })
  const other = await reach(name, { as: 'q' })
  expect(one).not.toBe(other)
  expect(drive.file(other ?? '')?.owner).toBe('q')
})

test('in a folder that may only be looked at nothing is made', async () => {
  const { shared = '' } = await drive.seed('q', [{ name: 'shared', folder: [] }])
  drive.share(shared, 'p', 'reader')
  await expect(reach(fresh(), { from: shared })).rejects.toMatchObject({ code: 'drive_forbidden' })
  await expect(reach(fresh(), { from: 'nothing' })).rejects.toMatchObject({
    code: 'drive_not_found',
  })
})
