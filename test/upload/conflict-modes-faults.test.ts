import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { codeOf, send } from '../kit/environment.ts'
import type { RawAnswer } from '../kit/environment.ts'
import { expectNothingIn, startUploading } from '../kit/upload.ts'
import type { Uploading } from '../kit/upload.ts'

const gateway = { chunkBytes: 256 * 1024, wait: () => Promise.resolve() }
const sizes = [10, 700_000]

let driveway: Uploading

beforeAll(async () => {
  driveway = await startUploading({ gateway })
})

afterAll(() => driveway.close())

afterEach(() => {
  driveway.google.faults.clear()
  driveway.google.calls.length = 0
  driveway.forget()
})

function put(path: string, body: Buffer | string, at = driveway): Promise<RawAnswer> {
  const options = { method: 'PUT', headers: at.bearer, body }
  return send(at.origin, `/upload/${path}`, options)
}

const idIn = ({ body }: RawAnswer): string => (JSON.parse(body) as { id: string }).id

describe('a file that is replaced', () => {
  test.each(sizes)(
    'by %d bytes of which Drive keeps others is told of and never removed (case 82)',
    async (size) => {
      const id = idIn(await put('wrong', 'before'))
      driveway.google.faults.add({
        operation: size > 256 * 1024 ? 'drive.upload.chunk' : 'drive.upload.multipart',
        skip: size > 256 * 1024 ? 2 : 0,
        file: { sha256Checksum: '0'.repeat(64) },
      })
      const answer = await put('wrong?mode=replace', randomBytes(size))
      expect([answer.status, codeOf(answer)]).toEqual([502, 'integrity_check_failed_replaced'])
      expect(driveway.uploaded().map((file) => file.id)).toEqual([id])
      expect(driveway.driveCalls()).not.toContain('drive.files.delete')
    },
  )

  test.each(sizes)('and is gone when its %d bytes come is not found', async (size) => {
    await put('gone', 'before')
    for (const operation of ['drive.upload.multipart', 'drive.upload.open']) {
      driveway.google.faults.add({ operation, status: 404 })
    }
    const answer = await put('gone?mode=replace', randomBytes(size))
    expect([answer.status, codeOf(answer)]).toEqual([404, 'drive_not_found'])
    expect(driveway.google.drive.openSessions()).toBe(0)
  })

  test.each(['multipart', 'chunk'])(
    'keeps its new content though the answer to its %s is lost for good',
    async (kind) => {
      const id = idIn(await put('lost', 'before'))
      const bytes = randomBytes(kind === 'chunk' ? 700_000 : 10)
      const operation = `drive.upload.${kind}`
      driveway.google.faults.add({ operation, skip: kind === 'chunk' ? 2 : 0, loseAnswer: true })
      const answer = await put('lost?mode=replace', bytes)
      expect([answer.status, idIn(answer)]).toEqual([200, id])
      expect((await driveway.google.drive.bytesOf(id)).equals(bytes)).toBe(true)
    },
  )
})

describe('a folder on the way', () => {
  test.each([
    ['drive.files.list', 2],
    ['drive.files.create', 2],
    ['firestore.commit', 1],
  ])('is reached though %s fails for a moment', async (operation, times) => {
    driveway.google.faults.add({ operation, status: 503, times })
    const answer = await put(`through ${operation}/a`.replaceAll(' ', '%20'), 'hello')
    expect(answer.status).toBe(201)
    expect(driveway.uploaded()).toHaveLength(2)
  })

  test.each([
    ['drive.files.list', 500, 'drive_unavailable'],
    ['drive.files.create', 500, 'drive_unavailable'],
    ['firestore.commit', 400, 'store_unavailable'],
  ])(
    'that cannot be reached while %s answers %d costs no byte',
    async (operation, status, code) => {
      driveway.google.faults.add({ operation, status, times: 99 })
      const answer = await put(`never-${operation}/a`, 'hello')
      expect([answer.status, codeOf(answer)]).toEqual([503, code])
      expectNothingIn(driveway)
    },
  )
})

test('with the whole Drive granted, the person’s own folders and files are used', async () => {
  const full = await startUploading({ gateway, env: { ACCESS_PROFILE: 'full' } })
  try {
    const { drive } = full.google
    const named = (name: string) => drive.filesOf(full.sub).filter((file) => file.name === name)
    const [before] = named('notes.txt')
    const answer = await put('Projects/notes.txt?mode=replace', 'hello', full)
    expect([answer.status, idIn(answer)]).toEqual([200, before?.id])
    const added = idIn(await put('Projects/more.txt', 'hello', full))
    expect(drive.file(added)?.parents).toEqual(before?.parents)
    expect(named('Projects')).toHaveLength(1)
  } finally {
    await full.close()
  }
})
