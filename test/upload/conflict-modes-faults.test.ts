import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { expectProblem, fileResult, uploadFile } from '../kit/requests.ts'
import { expectNothingStored, startUploadGateway } from '../kit/upload.ts'
import type { UploadGateway } from '../kit/upload.ts'

const gateway = { chunkBytes: 256 * 1024, sleep: () => Promise.resolve() }
const sizes = [10, 700_000]

let driveway: UploadGateway

beforeAll(async () => {
  driveway = await startUploadGateway({ gateway })
})

afterAll(() => driveway.close())

afterEach(() => {
  driveway.google.faults.clear()
  driveway.google.calls.length = 0
  driveway.resetUploads()
})

describe('mode=replace', () => {
  test.each(sizes)(
    'PUT /upload reports the file and keeps it when Drive stores other %d bytes than were sent',
    async (size) => {
      const id = fileResult(await uploadFile(driveway, 'wrong', 'before')).id
      driveway.google.faults.add({
        operation: size > 256 * 1024 ? 'drive.upload.chunk' : 'drive.upload.multipart',
        skip: size > 256 * 1024 ? 2 : 0,
        file: { sha256Checksum: '0'.repeat(64) },
      })
      const response = await uploadFile(driveway, 'wrong?mode=replace', randomBytes(size))
      expectProblem(response, 502, 'integrity_check_failed_replaced')
      expect(driveway.uploaded().map((file) => file.id)).toEqual([id])
      expect(driveway.driveCalls()).not.toContain('drive.files.delete')
    },
  )

  test.each(sizes)(
    'PUT /upload returns drive_not_found when the file is deleted before its %d bytes arrive',
    async (size) => {
      await uploadFile(driveway, 'gone', 'before')
      for (const operation of ['drive.upload.multipart', 'drive.upload.open']) {
        driveway.google.faults.add({ operation, status: 404 })
      }
      const response = await uploadFile(driveway, 'gone?mode=replace', randomBytes(size))
      expectProblem(response, 404, 'drive_not_found')
      expect(driveway.google.drive.openSessions()).toBe(0)
    },
  )

  test.each(['multipart', 'chunk'])(
    'PUT /upload keeps the new content when the response to its %s is lost',
    async (kind) => {
      const id = fileResult(await uploadFile(driveway, 'lost', 'before')).id
      const bytes = randomBytes(kind === 'chunk' ? 700_000 : 10)
      const operation = `drive.upload.${kind}`
      driveway.google.faults.add({ operation, skip: kind === 'chunk' ? 2 : 0, dropResponse: true })
      const response = await uploadFile(driveway, 'lost?mode=replace', bytes)
      expect([response.status, fileResult(response).id]).toEqual([200, id])
      expect((await driveway.google.drive.contentOf(id)).equals(bytes)).toBe(true)
    },
  )
})

describe('folders of the path', () => {
  test.each([
    ['drive.files.list', 2],
    ['drive.files.create', 2],
    ['firestore.commit', 1],
  ])('PUT /upload creates the folder when %s fails temporarily', async (operation, times) => {
    driveway.google.faults.add({ operation, status: 503, times })
    const response = await uploadFile(
      driveway,
      `through ${operation}/a`.replaceAll(' ', '%20'),
      'hello',
    )
    expect(response.status).toBe(201)
    expect(driveway.uploaded()).toHaveLength(2)
  })

  test.each([
    ['drive.files.list', 500, 'drive_unavailable'],
    ['drive.files.create', 500, 'drive_unavailable'],
    ['firestore.commit', 400, 'store_unavailable'],
  ])(
    'PUT /upload stores nothing when the folder cannot be created, as %s returns %d',
    async (operation, status, code) => {
      driveway.google.faults.add({ operation, status, times: 99 })
      const response = await uploadFile(driveway, `never-${operation}/a`, 'hello')
      expectProblem(response, 503, code)
      expectNothingStored(driveway)
    },
  )
})

test('PUT /upload uses folders and files of the user under ACCESS_PROFILE=full', async () => {
  const full = await startUploadGateway({ gateway, env: { ACCESS_PROFILE: 'full' } })
  try {
    const { drive } = full.google
    const named = (name: string) => drive.filesOf(full.sub).filter((file) => file.name === name)
    const [existing] = named('notes.txt')
    const response = await uploadFile(full, 'Projects/notes.txt?mode=replace', 'hello')
    expect([response.status, fileResult(response).id]).toEqual([200, existing?.id])
    const added = fileResult(await uploadFile(full, 'Projects/more.txt', 'hello')).id
    expect(drive.file(added)?.parents).toEqual(existing?.parents)
    expect(named('Projects')).toHaveLength(1)
  } finally {
    await full.close()
  }
})
