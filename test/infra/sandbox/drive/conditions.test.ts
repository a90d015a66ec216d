import { describe, expect, test } from '@jest/globals'
import type { Seed } from '../../../../infra/sandbox/drive/index.ts'
import { reasonOf, withDrive } from './fixture.ts'
import type { TestResponse } from './fixture.ts'

const folderType = 'application/vnd.google-apps.folder'
const fixture = withDrive()
const { send } = fixture

/** Creates a folder. @returns the response */
const createFolder = (parent: string | undefined, as = 'full'): Promise<TestResponse> =>
  send('POST', '/drive/v3/files?supportsAllDrives=true', {
    as,
    body: { name: 'f', mimeType: folderType, parents: [parent] },
  })

/** Changes an item through the control route. */
const change = (id: string | undefined, body: object): Promise<TestResponse> =>
  send('PATCH', `/sandbox/drive/files/${id}`, { as: null, body })

const list = (): Promise<TestResponse> => send('GET', '/drive/v3/files')

/** A chain of folders. @returns the path of the innermost one as well */
function nested(levels: number): { seed: Seed; path: string } {
  let seed: Seed = { name: 'f', folder: [] }
  for (let level = 1; level < levels; level++) seed = { name: 'f', folder: [seed] }
  return { seed, path: Array.from({ length: levels }, () => 'f').join('/') }
}

describe('the limit of 100 levels of folders', () => {
  test('refuses a folder on level 101 of My Drive, but takes a file there', async () => {
    const { seed, path } = nested(99)
    const ids = await fixture.drive.seed('ada', [seed])
    const hundredth = await createFolder(ids[path])
    expect(hundredth.status).toBe(200)
    const id = String(hundredth.json.id)
    const response = await createFolder(id)
    expect([response.status, reasonOf(response)]).toEqual([
      403,
      'myDriveHierarchyDepthLimitExceeded',
    ])
    expect((await send('POST', '/drive/v3/files', { body: { parents: [id] } })).status).toBe(200)
    const move = `/drive/v3/files/${ids['f']}?addParents=${id}`
    expect((await send('PATCH', move, { body: {} })).status).toBe(400) // into itself
  })

  test('refuses to move a folder whose folders would be deeper', async () => {
    const { seed, path } = nested(98)
    const ids = await fixture.drive.seed('ada', [
      seed,
      { name: 'three', folder: [{ name: 'b', folder: [{ name: 'c', folder: [] }] }] },
      { name: 'two', folder: [{ name: 'b', folder: [] }] },
    ])
    const move = (name: string): Promise<TestResponse> =>
      send('PATCH', `/drive/v3/files/${ids[name]}?addParents=${ids[path]}`, { body: {} })
    expect(reasonOf(await move('three'))).toBe('myDriveHierarchyDepthLimitExceeded')
    expect((await move('two')).status).toBe(200)
  })

  test('has another reason in a shared drive', async () => {
    const { seed, path } = nested(100)
    const { ids } = await fixture.drive.seedSharedDrive('Team', ['ada'], [seed])
    expect(reasonOf(await createFolder(ids[path]))).toBe('teamDriveHierarchyTooDeep')
  })
})

describe('a parent', () => {
  test('of another user with the role of a reader is refused with insufficientParentPermissions', async () => {
    const ids = await fixture.drive.seed('ben', [{ name: 'shared', folder: [] }])
    fixture.drive.share(ids['shared'] ?? '', 'ada', 'reader')
    const response = await createFolder(ids['shared'])
    expect([response.status, reasonOf(response)]).toEqual([403, 'insufficientParentPermissions'])
  })

  test('in the bin takes new files, which are then in the bin too', async () => {
    const ids = await fixture.drive.seed('ada', [
      { name: 'bin', folder: [{ name: 'inner', folder: [] }], trashed: true },
    ])
    const { status, json } = await createFolder(ids['bin/inner'])
    expect(status).toBe(200)
    expect(fixture.drive.file(String(json.id))?.trashed).toBe(true)
    const inner = await send('GET', `/drive/v3/files/${ids['bin/inner']}?fields=trashed`)
    expect(inner.json).toEqual({ trashed: true })
  })
})

describe('PATCH /sandbox/drive/files/{id}', () => {
  test('moves an item to the bin and back', async () => {
    const { a } = await fixture.drive.seed('ada', [{ name: 'a', folder: [] }])
    for (const trashed of [true, false]) {
      expect((await change(a, { trashed })).json).toEqual({ trashed, conditions: [] })
      expect(fixture.drive.file(a ?? '')?.trashed).toBe(trashed)
    }
    expect((await change('nothing', { trashed: true })).status).toBe(404)
  })

  test('removes the checksums of a file, until its content changes', async () => {
    const { a } = await fixture.drive.seed('ada', [{ name: 'a', content: 'x' }])
    const path = `/drive/v3/files/${a}?fields=size,sha256Checksum,md5Checksum,sha1Checksum`
    await change(a, { conditions: ['noChecksums'] })
    expect((await send('GET', path)).json).toEqual({ size: '1' })
    await send('PATCH', `/upload/drive/v3/files/${a}?uploadType=media`, { body: 'yy' })
    expect((await send('GET', path)).json).toHaveProperty('sha256Checksum')
  })

  test('flags a file, which only its owner can download, after an acknowledgement', async () => {
    const { a } = await fixture.drive.seed('ada', [{ name: 'a', content: 'x' }])
    fixture.drive.share(a ?? '', 'ben', 'reader')
    const media = (query = '', as = 'full'): Promise<TestResponse> =>
      send('GET', `/drive/v3/files/${a}?alt=media${query}`, { as })
    const acknowledged = '&acknowledgeAbuse=true'
    expect(reasonOf(await media(acknowledged))).toBe('invalidAbuseAcknowledgment')
    await change(a, { conditions: ['flagged'] })
    expect(reasonOf(await media())).toBe('cannotDownloadAbusiveFile')
    expect((await media(acknowledged)).text).toBe('x')
    expect(reasonOf(await media(acknowledged, 'ben'))).toBe('cannotDownloadAbusiveFile')
  })
})

test('an export over 10 MB is refused with 500 as PDF, and with 403 in another format', async () => {
  const { a } = await fixture.drive.seed('ada', [{ name: 'a', document: 'x'.repeat(11 << 20) }])
  const exported = (type: string): Promise<TestResponse> =>
    send('GET', `/drive/v3/files/${a}/export?mimeType=${type}`)
  const [pdf, text] = [await exported('application/pdf'), await exported('text/plain')]
  expect([pdf.status, reasonOf(pdf)]).toEqual([500, 'internalError'])
  expect([text.status, reasonOf(text)]).toEqual([403, 'exportSizeLimitExceeded'])
})

describe('a fault', () => {
  test('with a reason responds with Drive’s error, in errors or in details alone', async () => {
    const operation = 'drive.files.list'
    fixture.sandbox.faults.add(
      { operation, reason: 'teamDriveHierarchyTooDeep' },
      { operation, reason: 'RATE_LIMIT_EXCEEDED', reasonIn: 'details', status: 429 },
    )
    const [first, second] = [await list(), await list()]
    expect([first.status, reasonOf(first)]).toEqual([403, 'teamDriveHierarchyTooDeep'])
    expect(second.status).toBe(429)
    expect(second.json.error).toMatchObject({ details: [{ reason: 'RATE_LIMIT_EXCEEDED' }] })
    expect(second.json.error).not.toHaveProperty('errors')
  })

  test('with an HTML page responds like Google’s front end', async () => {
    fixture.sandbox.faults.add({ operation: 'drive.files.list', status: 408, htmlPage: true })
    const { status, headers, text } = await list()
    expect([status, headers.get('content-type')]).toEqual([408, 'text/html; charset=UTF-8'])
    expect(text).toContain('Error 408 (Request Timeout)!!1')
  })
})
