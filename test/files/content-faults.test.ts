import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createServer } from 'node:http'
import type { ProblemCode } from '../../functions/errors.ts'
import { problems } from '../../functions/errors.ts'
import type { Fault } from '../../infra/sandbox/faults.ts'
import { pattern, refusal, startFaultyDriveway } from '../faults/fixture.ts'
import { listen, problemCode, send } from '../kit/environment.ts'
import type { Driveway } from '../kit/environment.ts'
import { expectProblem } from '../kit/requests.ts'
import { download, storeFile } from '../kit/download.ts'
import type { Download } from '../kit/download.ts'
import { connectH2c } from '../kit/h2c.ts'

const bytes = pattern(1_000_000)
const media = 'drive.files.media'
let driveway: Driveway
let file: string
let document: string
/** A gateway with a short timeout of Drive, for the responses that never come. */
let impatient: Driveway

beforeAll(async () => {
  driveway = await startFaultyDriveway({ driveTimeouts: { response: 1_000, progress: 200 } })
  impatient = await startFaultyDriveway(
    { driveTimeouts: { response: 250, progress: 200 } },
    { sharing: driveway },
  )
  const { google, sub } = driveway
  file = await storeFile(driveway, 'x.bin', bytes)
  const text = 'x'.repeat(1 << 20)
  const ids = await google.drive.seed(sub, [
    { name: 'Mine', document: text, createdBy: google.clientId },
  ])
  document = ids['Mine'] ?? ''
})

beforeEach(() => {
  driveway.google.calls.length = 0
})
afterEach(() => driveway.google.faults.clear())
afterAll(async () => {
  await impatient.close()
  await driveway.close()
})

function gatewayFor(faults: Fault[]): Pick<Driveway, 'origin' | 'bearer'> {
  const { origin } = faults.some(({ hang }) => hang) ? impatient : driveway
  return { origin, bearer: driveway.bearer }
}

function get(faults: Fault[], headers: Record<string, string> = {}): Promise<Download> {
  driveway.google.faults.add(...faults)
  return download(gatewayFor(faults), `/files/${file}/content`, headers)
}

function exported(...faults: Fault[]): Promise<Download> {
  driveway.google.faults.add(...faults)
  return download(gatewayFor(faults), `/files/${document}/content?as=txt`)
}

const mediaRequests = (): number => driveway.google.calls.filter((call) => call === media).length

function expectIncomplete(response: Download): void {
  expect([response.status, response.isComplete]).toEqual([200, false])
  expect(response.bytes.length).toBeLessThan(bytes.length)
}

describe('GET /files/{id}/content retries before the first byte', () => {
  test.each<Omit<Fault, 'operation'>>([
    { status: 503 },
    { status: 429, times: 3, headers: { 'retry-after': '1' } },
    refusal(403, 'userRateLimitExceeded'),
    { reset: true },
    { hang: 'headers' },
    { status: 401 },
  ])('after %j', async (fault) => {
    const response = await get([{ operation: media, ...fault }])
    expect([response.status, response.isComplete, response.bytes.equals(bytes)]).toEqual([
      200,
      true,
      true,
    ])
    const exportResponse = await exported({ operation: 'drive.files.export', ...fault })
    expect([exportResponse.status, exportResponse.isComplete, exportResponse.bytes.length]).toEqual(
      [200, true, 1 << 20],
    )
  })
})

describe('GET /files/{id}/content resumes a download when Drive aborts the connection', () => {
  test.each<[string, Omit<Fault, 'operation'>[]]>([
    ['before the first byte', [{ resetAfterBytes: 0 }]],
    ['after the first byte', [{ resetAfterBytes: 1 }]],
    ['before the last byte', [{ resetAfterBytes: bytes.length - 1 }]],
    ['by a FIN before the end', [{ resetAfterBytes: 300_000, cut: 'fin' }]],
    ['by a stall', [{ stallAfterBytes: 400_000 }]],
    ['repeatedly', Array.from({ length: 12 }, () => ({ resetAfterBytes: 70_000 }))],
    ['and then returns 503', [{ resetAfterBytes: 9 }, { status: 503, times: 3 }]],
  ])('%s', async (_, faults) => {
    const response = await get(faults.map((fault) => ({ operation: media, ...fault })))
    expect([response.status, response.isComplete, response.bytes.equals(bytes)]).toEqual([
      200,
      true,
      true,
    ])
    expect(mediaRequests()).toBeGreaterThan(faults.length)
  })

  test('in the middle of a range', async () => {
    const response = await get(
      [
        { operation: media, resetAfterBytes: 100 },
        { operation: media, resetAfterBytes: 50_000 },
      ],
      { range: 'bytes=1000-600000' },
    )
    expect([response.status, response.isComplete]).toEqual([206, true])
    expect(response.bytes.equals(bytes.subarray(1000, 600_001))).toBe(true)
  })
})

describe('GET /files/{id}/content never completes the response', () => {
  test('when Drive aborts the connection and the resume fails', async () => {
    expectIncomplete(
      await get([
        { operation: media, resetAfterBytes: 500_000 },
        { operation: media, resetAfterBytes: 0, times: 99 },
      ]),
    )
  })

  test('when Drive rejects the resume', async () => {
    expectIncomplete(
      await get([
        { operation: media, resetAfterBytes: 500_000 },
        { operation: media, ...refusal(403, 'downloadQuotaExceeded') },
      ]),
    )
    expect(driveway.logs.at(-1)).toMatchObject({ code: 'download_quota_exceeded' })
  })

  test('when the content changes before the resume', async () => {
    expectIncomplete(
      await get([
        { operation: media, resetAfterBytes: 500_000 },
        { operation: 'drive.files.get', skip: 1, file: { sha256Checksum: 'f'.repeat(64) } },
      ]),
    )
    expect(driveway.logs.at(-1)).toMatchObject({ code: 'file_changed_during_download' })
  })

  test('when the bytes do not match Drive’s checksum', async () => {
    expectIncomplete(
      await get([{ operation: 'drive.files.get', file: { sha256Checksum: 'f'.repeat(64) } }]),
    )
    expect(driveway.logs.at(-1)).toMatchObject({ code: 'file_changed_during_download' })
  })

  test('when Drive aborts an export, which cannot be resumed', async () => {
    const response = await exported({ operation: 'drive.files.export', resetAfterBytes: 400_000 })
    expect([response.status, response.isComplete]).toEqual([200, false])
  })

  test('over HTTP/2, where the stream ends with an error', async () => {
    driveway.google.faults.add(
      { operation: media, resetAfterBytes: 500_000 },
      { operation: media, ...refusal(403, 'downloadQuotaExceeded') },
    )
    const session = await connectH2c(driveway.origin)
    const { authorization = '' } = driveway.bearer
    const path = `/files/${file}/content`
    const response = await session.request({ ':method': 'GET', ':path': path, authorization })
    expect([response.status, response.rstCode]).not.toEqual([200, 0])
    await session.close()
  })
})

describe('GET /files/{id}/content maps Drive errors', () => {
  test.each<[string, ProblemCode]>([
    ['fileNotDownloadable', 'drive_forbidden'],
    ['cannotDownloadAbusiveFile', 'abusive_file'],
    ['downloadQuotaExceeded', 'download_quota_exceeded'],
    ['appNotAuthorizedToFile', 'drive_forbidden'],
    ['domainPolicy', 'drive_forbidden'],
    ['unknownReason', 'upstream_bad_response'],
  ])('%s to %s', async (reason, code) => {
    const response = await get([{ operation: media, ...refusal(403, reason) }])
    expect([response.status, problemCode(response)]).toEqual([problems[code][0], code])
    expect(mediaRequests()).toBe(1)
    if (code === 'download_quota_exceeded') expect(response.headers['retry-after']).toBe('3600')
  })

  test.each<[string, ProblemCode]>([
    ['exportSizeLimitExceeded', 'export_too_large'],
    ['fileNotExportable', 'drive_forbidden'],
  ])('%s of an export to %s', async (reason, code) => {
    const response = await exported({ operation: 'drive.files.export', ...refusal(403, reason) })
    expect([response.status, problemCode(response)]).toEqual([problems[code][0], code])
  })

  test('of a file that became shorter to file_changed_during_download', async () => {
    const faults = [{ operation: 'drive.files.get', file: { size: '2000000' } }]
    const response = await get(faults, { range: 'bytes=1500000-' })
    expectProblem(response, 409, 'file_changed_during_download')
    const whole = await get([{ operation: 'drive.files.get', file: { size: '2000000' } }])
    expectProblem(whole, 409, 'file_changed_during_download')
  })

  test('of a revoked grant to reauth_required', async () => {
    const response = await get([{ operation: media, status: 401, times: 9 }])
    expectProblem(response, 401, 'reauth_required')
  })
})

test('GET /files/{id}/content does not follow a redirect of Drive', async () => {
  const received: unknown[] = []
  const otherServer = createServer((req, res) => {
    received.push(req.headers)
    res.end('caught')
  })
  const location = await listen(otherServer)
  for (const status of [301, 302, 307]) {
    const response = await get([{ operation: media, status, headers: { location } }])
    expect(problemCode(response)).toBe('upstream_bad_response')
  }
  expect(received).toEqual([])
  otherServer.close()
})

test('GET /files/{id}/content writes an audit event without the file name', async () => {
  driveway.lines.length = 0
  await get([])
  await send(driveway.origin, `/files/${document}/content?as=md`, { headers: driveway.bearer })
  expect(driveway.logs.filter(({ message }) => message === 'download')).toMatchObject([
    { audit: true, sub: driveway.sub, fileId: file, bytes: bytes.length },
    { audit: true, sub: driveway.sub, fileId: document, exportedAs: 'text/markdown' },
  ])
  expect(driveway.lines.join('')).not.toContain('x.bin')
})
