import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createServer } from 'node:http'
import type { ProblemCode } from '../../functions/errors.ts'
import { problems } from '../../functions/errors.ts'
import type { Fault } from '../../infra/sandbox/faults.ts'
import { pattern, refusal, startFaulty } from '../faults/fixture.ts'
import { listen, send } from '../kit/environment.ts'
import type { Driveway } from '../kit/environment.ts'
import { codeIn, download, store } from '../kit/download.ts'
import type { Download } from '../kit/download.ts'
import { openSession } from '../kit/h2c.ts'

const bytes = pattern(1_000_000)
const media = 'drive.files.media'
let driveway: Driveway
let file: string
let document: string

beforeAll(async () => {
  driveway = await startFaulty({ driveTimeouts: { answer: 1_000, progress: 200 } })
  const { google, sub } = driveway
  file = await store(driveway, 'x.bin', bytes)
  const text = 'x'.repeat(1 << 20)
  const ids = await google.drive.seed(sub, [
    { name: 'Mine', document: text, madeBy: google.clientId },
  ])
  document = ids['Mine'] ?? ''
})

beforeEach(() => {
  driveway.google.calls.length = 0
})
afterEach(() => driveway.google.faults.clear())
afterAll(() => driveway.close())

function get(faults: Fault[], headers: Record<string, string> = {}): Promise<Download> {
  driveway.google.faults.add(...faults)
  return download(driveway, `/files/${file}/content`, headers)
}

function exported(...faults: Fault[]): Promise<Download> {
  driveway.google.faults.add(...faults)
  return download(driveway, `/files/${document}/content?as=txt`)
}

const asked = (): number => driveway.google.calls.filter((call) => call === media).length

function expectBroken(answer: Download): void {
  expect([answer.status, answer.isWhole]).toEqual([200, false])
  expect(answer.bytes.length).toBeLessThan(bytes.length)
}

describe('what may pass before the first byte is not seen', () => {
  test.each<Omit<Fault, 'operation'>>([
    { status: 503 },
    { status: 429, times: 3, headers: { 'retry-after': '1' } },
    refusal(403, 'userRateLimitExceeded'),
    { reset: true },
    { hang: 'headers' },
    { status: 401 },
  ])('%j (cases 71, 72, 74, 75, 80)', async (fault) => {
    const answer = await get([{ operation: media, ...fault }])
    expect([answer.status, answer.isWhole, answer.bytes.equals(bytes)]).toEqual([200, true, true])
    const again = await exported({ operation: 'drive.files.export', ...fault })
    expect([again.status, again.isWhole, again.bytes.length]).toEqual([200, true, 1 << 20])
  })
})

describe('a connection to Drive that breaks in the middle is taken up there (case 75)', () => {
  test.each<[string, Omit<Fault, 'operation'>[]]>([
    ['before the first byte', [{ resetAfterBytes: 0 }]],
    ['after one', [{ resetAfterBytes: 1 }]],
    ['before the last', [{ resetAfterBytes: bytes.length - 1 }]],
    ['in good order, but too early', [{ resetAfterBytes: 300_000, cut: 'fin' }]],
    ['by silence (case 80)', [{ stallAfterBytes: 400_000 }]],
    ['again and again', Array.from({ length: 12 }, () => ({ resetAfterBytes: 70_000 }))],
    ['and Drive needs a while', [{ resetAfterBytes: 9 }, { status: 503, times: 3 }]],
  ])('%s', async (_, faults) => {
    const answer = await get(faults.map((fault) => ({ operation: media, ...fault })))
    expect([answer.status, answer.isWhole, answer.bytes.equals(bytes)]).toEqual([200, true, true])
    expect(asked()).toBeGreaterThan(faults.length)
  })

  test('in the middle of a range too', async () => {
    const answer = await get(
      [
        { operation: media, resetAfterBytes: 100 },
        { operation: media, resetAfterBytes: 50_000 },
      ],
      { range: 'bytes=1000-600000' },
    )
    expect([answer.status, answer.isWhole]).toEqual([206, true])
    expect(answer.bytes.equals(bytes.subarray(1000, 600_001))).toBe(true)
  })
})

describe('what cannot be whole never looks whole', () => {
  test('where Drive breaks off and does not go on', async () => {
    expectBroken(
      await get([
        { operation: media, resetAfterBytes: 500_000 },
        { operation: media, resetAfterBytes: 0, times: 99 },
      ]),
    )
  })

  test('where Drive refuses to go on', async () => {
    expectBroken(
      await get([
        { operation: media, resetAfterBytes: 500_000 },
        { operation: media, ...refusal(403, 'downloadQuotaExceeded') },
      ]),
    )
    expect(driveway.logs.at(-1)).toMatchObject({ code: 'download_quota_exceeded' })
  })

  test('where another content would be gone on with', async () => {
    expectBroken(
      await get([
        { operation: media, resetAfterBytes: 500_000 },
        { operation: 'drive.files.get', skip: 1, file: { sha256Checksum: 'f'.repeat(64) } },
      ]),
    )
    expect(driveway.logs.at(-1)).toMatchObject({ code: 'file_changed_during_download' })
  })

  test('where the bytes are not those of Drive’s checksum', async () => {
    expectBroken(
      await get([{ operation: 'drive.files.get', file: { sha256Checksum: 'f'.repeat(64) } }]),
    )
    expect(driveway.logs.at(-1)).toMatchObject({ code: 'file_changed_during_download' })
  })

  test('where an export breaks off: it cannot be taken up', async () => {
    const answer = await exported({ operation: 'drive.files.export', resetAfterBytes: 400_000 })
    expect([answer.status, answer.isWhole]).toEqual([200, false])
  })

  test('over HTTP/2 the stream ends with an error', async () => {
    driveway.google.faults.add(
      { operation: media, resetAfterBytes: 500_000 },
      { operation: media, ...refusal(403, 'downloadQuotaExceeded') },
    )
    const session = await openSession(driveway.origin)
    const { authorization = '' } = driveway.bearer
    const path = `/files/${file}/content`
    const answer = await session.ask({ ':method': 'GET', ':path': path, authorization })
    expect([answer.status, answer.rstCode]).not.toEqual([200, 0])
    await session.close()
  })
})

describe('what Drive refuses with is said', () => {
  test.each<[string, ProblemCode]>([
    ['fileNotDownloadable', 'drive_forbidden'],
    ['cannotDownloadAbusiveFile', 'drive_forbidden'],
    ['downloadQuotaExceeded', 'download_quota_exceeded'],
    ['appNotAuthorizedToFile', 'drive_forbidden'],
    ['domainPolicy', 'drive_forbidden'],
    ['neverHeardOf', 'upstream_bad_response'],
  ])('%s: %s', async (reason, code) => {
    const answer = await get([{ operation: media, ...refusal(403, reason) }])
    expect([answer.status, codeIn(answer)]).toEqual([problems[code][0], code])
    expect(asked()).toBe(1)
    if (code === 'download_quota_exceeded') expect(answer.headers['retry-after']).toBe('3600')
  })

  test.each<[string, ProblemCode]>([
    ['exportSizeLimitExceeded', 'export_too_large'],
    ['fileNotExportable', 'drive_forbidden'],
  ])('%s of an export: %s', async (reason, code) => {
    const answer = await exported({ operation: 'drive.files.export', ...refusal(403, reason) })
    expect([answer.status, codeIn(answer)]).toEqual([problems[code][0], code])
  })

  test('a file that became shorter is a changed one', async () => {
    const faults = [{ operation: 'drive.files.get', file: { size: '2000000' } }]
    const answer = await get(faults, { range: 'bytes=1500000-' })
    expect([answer.status, codeIn(answer)]).toEqual([409, 'file_changed_during_download'])
    const whole = await get([{ operation: 'drive.files.get', file: { size: '2000000' } }])
    expect([whole.status, codeIn(whole)]).toEqual([409, 'file_changed_during_download'])
  })

  test('a permission that ended: sign in again (case 74)', async () => {
    const answer = await get([{ operation: media, status: 401, times: 9 }])
    expect([answer.status, codeIn(answer)]).toEqual([401, 'reauth_required'])
  })
})

test('a redirect is not followed, and the token goes nowhere (case 84)', async () => {
  const heard: unknown[] = []
  const elsewhere = createServer((req, res) => {
    heard.push(req.headers)
    res.end('caught')
  })
  const location = await listen(elsewhere)
  for (const status of [301, 302, 307]) {
    const answer = await get([{ operation: media, status, headers: { location } }])
    expect(codeIn(answer)).toBe('upstream_bad_response')
  }
  expect(heard).toEqual([])
  elsewhere.close()
})

test('a download is on the record, its name is not', async () => {
  driveway.lines.length = 0
  await get([])
  await send(driveway.origin, `/files/${document}/content?as=md`, { headers: driveway.bearer })
  expect(driveway.logs.filter(({ message }) => message === 'download')).toMatchObject([
    { audit: true, sub: driveway.sub, fileId: file, bytes: bytes.length },
    { audit: true, sub: driveway.sub, fileId: document, exportedAs: 'text/markdown' },
  ])
  expect(driveway.lines.join('')).not.toContain('x.bin')
})
