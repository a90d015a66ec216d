/** Downloads of files that Google classifies as malware or spam. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { pattern } from '../../faults/fixture.ts'
import { startDriveway } from '../../kit/environment.ts'
import type { Driveway } from '../../kit/environment.ts'
import { download, storeFile } from '../../kit/download.ts'
import type { Download } from '../../kit/download.ts'
import { expectProblem, parseJson } from '../../kit/requests.ts'

const bytes = pattern(700_000)
let driveway: Driveway
let file: string

beforeAll(async () => {
  driveway = await startDriveway({
    gateway: { sleep: () => Promise.resolve() },
    env: { ACCESS_PROFILE: 'full' },
  })
  file = await storeFile(driveway, 'a.exe', bytes)
  const { drive } = driveway.google
  drive.setConditions(file, 'flagged')
})

beforeEach(() => {
  driveway.google.calls.length = 0
})

afterEach(() => {
  driveway.google.faults.clear()
})

afterAll(() => driveway.close())

const get = (id: string, query = '', headers = {}): Promise<Download> =>
  download(driveway, `/files/${id}/content${query}`, headers)

/** Number of requests for content at Drive. */
const contentRequests = (): number =>
  driveway.google.calls.filter((call) => call === 'drive.files.media').length

describe('GET /files/{id}/content of a file that Google flags', () => {
  test('returns 403 abusive_file, and says how to acknowledge it', async () => {
    const response = await get(file)
    expectProblem(response, 403, 'abusive_file')
    expect(parseJson(response)).toMatchObject({
      title: expect.stringContaining('malware or spam'),
      detail: expect.stringContaining('acknowledgeAbuse=true'),
    })
    expect(contentRequests()).toBe(1)
  })

  test('sends the file to its owner with acknowledgeAbuse=true, after one refusal', async () => {
    const response = await get(file, '?acknowledgeAbuse=true')
    expect([response.status, response.isComplete]).toEqual([200, true])
    expect(response.bytes.equals(bytes)).toBe(true)
    expect(contentRequests()).toBe(2)
  })

  test('sends a range, and resumes a broken download', async () => {
    driveway.google.faults.add({ operation: 'drive.files.media', skip: 1, resetAfterBytes: 9 })
    const response = await get(file, '?acknowledgeAbuse=true', { range: 'bytes=5-600000' })
    expect([response.status, response.isComplete]).toEqual([206, true])
    expect(response.bytes.equals(bytes.subarray(5, 600_001))).toBe(true)
  })

  test('returns 403 to anyone but the owner, with or without an acknowledgement', async () => {
    const { google, sub } = driveway
    const ids = await google.drive.seed('ben', [
      { name: 'b.exe', content: 'hers', conditions: ['flagged'] },
    ])
    google.drive.share(ids['b.exe'] ?? '', sub, 'writer')
    expectProblem(await get(ids['b.exe'] ?? ''), 403, 'abusive_file')
    const response = await get(ids['b.exe'] ?? '', '?acknowledgeAbuse=true')
    expectProblem(response, 403, 'drive_forbidden')
    expect(parseJson(response)['detail']).toContain('Only its owner')
  })

  test.each(['false', ''])('returns 403 abusive_file with acknowledgeAbuse=%s', async (value) => {
    const response = await get(file, `?acknowledgeAbuse=${value}`)
    if (value === '') expectProblem(response, 400, 'bad_request')
    else expectProblem(response, 403, 'abusive_file')
  })

  test('returns 400 for any other value of acknowledgeAbuse', async () => {
    for (const value of ['yes', '1', 'TRUE']) {
      expectProblem(await get(file, `?acknowledgeAbuse=${value}`), 400, 'bad_request')
    }
    expect(contentRequests()).toBe(0)
  })
})

describe('GET /files/{id}/content of any other file', () => {
  test('sends no acknowledgement, with which Drive would refuse it', async () => {
    const id = await storeFile(driveway, 'b.txt', 'hello')
    driveway.google.calls.length = 0
    expect(await get(id, '?acknowledgeAbuse=true')).toMatchObject({ status: 200, body: 'hello' })
    expect(contentRequests()).toBe(1)
  })

  test('returns 409 when Google withdraws its classification during the download', async () => {
    const fault = { operation: 'drive.files.media', reason: 'cannotDownloadAbusiveFile' }
    const id = await storeFile(driveway, 'c.txt', 'hello')
    driveway.google.faults.add(fault)
    const response = await get(id, '?acknowledgeAbuse=true')
    expectProblem(response, 409, 'file_changed_during_download')
  })
})
