import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { codeOf, send, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawAnswer } from '../kit/environment.ts'
import { store } from '../kit/download.ts'

const folderType = 'application/vnd.google-apps.folder'
let driveway: Driveway
let beside: Driveway
let ids: Record<string, string>

beforeAll(async () => {
  const gateway = { wait: () => Promise.resolve() }
  driveway = await startDriveway({ gateway })
  beside = await startDriveway({ gateway, beside: driveway })
  const { google, sub } = driveway
  ids = await google.drive.seed(sub, [
    { name: 'Theirs', folder: [] },
    { name: 'Ours', folder: [], madeBy: google.clientId },
    { name: 'Report', document: 'x', description: 'A report', madeBy: google.clientId },
    { name: 'gone.txt', content: 'x', trashed: true },
  ])
})

afterEach(() => driveway.google.faults.clear())
afterAll(async () => {
  await beside.close()
  await driveway.close()
})

function make(body: object, origin = driveway.origin): Promise<RawAnswer> {
  return send(origin, '/files', {
    method: 'POST',
    headers: { ...driveway.bearer, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

interface Answered {
  id: string
  name: string
  kind: string
  parents: string[]
  capabilities: object
}

const read = (answer: RawAnswer): Answered => JSON.parse(answer.body) as Answered

const get = (id = ''): Promise<RawAnswer> =>
  send(driveway.origin, `/files/${id}`, { headers: driveway.bearer })

const foldersNamed = (name: string): string[] =>
  driveway.google.drive
    .filesOf(driveway.sub)
    .filter((file) => file.name === name && file.mimeType === folderType)
    .map(({ id }) => id)

describe('one file', () => {
  test('has what lists say, and its folder, its times and its digest', async () => {
    const id = await store(driveway, 'a.txt', 'hello', 'text/plain')
    expect(read(await get(id))).toEqual({
      id,
      name: 'a.txt',
      mimeType: 'text/plain',
      kind: 'file',
      size: 5,
      sha256: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824',
      parents: [driveway.google.drive.rootOf(driveway.sub)],
      createdTime: expect.any(String),
      modifiedTime: expect.any(String),
      webViewLink: expect.any(String),
      isAppAuthorized: true,
      capabilities: { canDownload: true },
      trashed: false,
      version: expect.any(String),
    })
  })

  test('a document says what it can be exported as', async () => {
    const exports = ['docx', 'odt', 'rtf', 'pdf', 'txt', 'zip', 'epub', 'md', 'html']
    const report = { kind: 'document', description: 'A report', exports }
    expect(read(await get(ids['Report']))).toMatchObject(report)
  })

  test('one in the bin says so', async () => {
    expect(read(await get(ids['gone.txt']))).toMatchObject({ trashed: true })
  })

  test('one that is not there, or cannot be, is drive_not_found (case 31)', async () => {
    for (const id of ['1'.repeat(33), '%2e%2e', 'a%00', '..%2f..']) {
      const answer = await get(id)
      expect([answer.status, codeOf(answer)]).toEqual([404, 'drive_not_found'])
    }
  })
})

describe('where uploads may go is said', () => {
  test('of single folders, and of My Drive itself', async () => {
    const answers = await Promise.all(['Theirs', 'Ours'].map((name) => get(ids[name])))
    expect(answers.map((answer) => read(answer).capabilities)).toEqual([
      { canAddChildren: false },
      { canAddChildren: true },
    ])
    const root = read(await get('root'))
    expect(root).toMatchObject({ kind: 'folder', parents: [], isAppAuthorized: false })
    expect(root.capabilities).toEqual({ canAddChildren: true })
  })

  test('of every folder in a list', async () => {
    const answer = await send(driveway.origin, '/files', { headers: driveway.bearer })
    const { files } = JSON.parse(answer.body) as { files: (Answered & object)[] }
    const found = new Map(files.map((file) => [file.name, file]))
    expect(found.get('Ours')).toMatchObject({
      isAppAuthorized: true,
      capabilities: { canAddChildren: true },
    })
    expect(found.get('Theirs')).toMatchObject({
      isAppAuthorized: false,
      capabilities: { canAddChildren: false },
    })
    expect(found.get('hello.txt')).toMatchObject({
      isAppAuthorized: false,
      capabilities: { canDownload: false },
    })
  })

  test('and with the profile `full`, all that the person may write to', async () => {
    const full = await startDriveway({ env: { ACCESS_PROFILE: 'full' } })
    const seeded = await full.google.drive.seed(full.sub, [{ name: 'Any', folder: [] }])
    const answer = await send(full.origin, `/files/${seeded['Any']}`, { headers: full.bearer })
    expect(read(answer)).toMatchObject({
      isAppAuthorized: false,
      capabilities: { canAddChildren: true },
    })
    await full.close()
  })
})

describe('a new folder', () => {
  test('is made where it is wanted', async () => {
    const made = await make({ name: 'Fresh' })
    expect(made.status).toBe(201)
    expect(read(made)).toMatchObject({ name: 'Fresh', kind: 'folder', mimeType: folderType })
    const below = await make({ name: 'Deep', folder: read(made).id })
    expect(read(below).parents).toEqual([read(made).id])
  })

  test('is made once: who asks again is given the same', async () => {
    const [first, again] = [await make({ name: 'Once' }), await make({ name: 'Once' })]
    expect([first.status, again.status]).toEqual([201, 200])
    expect(read(again)).toEqual(read(first))
  })

  test('is made once by many who ask at the same time, on two instances', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        make({ name: 'Raced' }, n % 2 ? beside.origin : driveway.origin),
      ),
    )
    expect(new Set(answers.map((answer) => read(answer).id)).size).toBe(1)
    expect(foldersNamed('Raced')).toHaveLength(1)
  })

  test('is made once where Drive’s answer is lost (case 83)', async () => {
    driveway.google.faults.add({ operation: 'drive.files.create', loseAnswer: true })
    const made = await make({ name: 'Unheard' })
    expect([made.status < 300, foldersNamed('Unheard')]).toEqual([true, [read(made).id]])
  })

  test.each([{}, { name: 5 }, { name: 'x', folder: 7 }])('%j is refused', async (body) => {
    const answer = await make(body)
    expect([answer.status, codeOf(answer)]).toEqual([400, 'bad_request'])
  })

  test.each(['', ' ', '.', '..', 'a/b', 'a\\b', 'a\nb', 'x'.repeat(1025)])(
    'is not called %j',
    async (name) => {
      const answer = await make({ name })
      expect([answer.status, codeOf(answer)]).toEqual([400, 'invalid_path'])
    },
  )

  test('is not made where Driveway may not write, or nothing is', async () => {
    const theirs = await make({ name: 'x', folder: ids['Theirs'] })
    expect([theirs.status, codeOf(theirs)]).toEqual([403, 'drive_forbidden'])
    for (const folder of ['1'.repeat(33), '../x']) {
      const nowhere = await make({ name: 'x', folder })
      expect([nowhere.status, codeOf(nowhere)]).toEqual([404, 'drive_not_found'])
    }
    expect(foldersNamed('x')).toEqual([])
  })
})
