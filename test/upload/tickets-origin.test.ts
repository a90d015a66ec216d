/** Which origins may use a ticket's session URI, and that it is never logged. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { request } from 'node:http'
import { send } from '../kit/environment.ts'
import type { RawResponse } from '../kit/environment.ts'
import { expectProblem, parseJson, requestTicket } from '../kit/requests.ts'
import { recordRequests } from '../kit/received-requests.ts'
import { expectNothingStored, startUploadGateway, waitFor } from '../kit/upload.ts'
import type { UploadGateway } from '../kit/upload.ts'

const allowedOrigin = 'https://photos.example'
const file = { name: 'a.txt', type: 'text/plain', size: 5 }

let driveway: UploadGateway

beforeAll(async () => {
  driveway = await startUploadGateway({
    env: { ALLOWED_ORIGINS: allowedOrigin },
    gateway: { sleep: () => Promise.resolve() },
  })
})

afterAll(() => driveway.close())

const postTicket = (headers: Record<string, string>): Promise<RawResponse> =>
  requestTicket({ origin: driveway.origin, bearer: {} }, file, headers)

/** Requests a ticket. @returns its session URI */
async function openSession(headers: Record<string, string>): Promise<string> {
  const response = await postTicket(headers)
  expect(response.status).toBe(201)
  return parseJson<{ uploadUrl: string }>(response).uploadUrl
}

/** Whether Drive admits an origin to a session by CORS. */
async function admits(uploadUrl: string, origin: string): Promise<boolean> {
  const { host, pathname, search } = new URL(uploadUrl)
  const response = await send(`http://${host}`, pathname + search, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'PUT' },
  })
  return response.headers['access-control-allow-origin'] === origin
}

test('Drive admits only the origin that requested the ticket', async () => {
  const cases = [
    [{ ...driveway.session }, driveway.origin],
    [{ ...driveway.session, origin: allowedOrigin }, allowedOrigin],
    [{ ...driveway.bearer, origin: allowedOrigin }, allowedOrigin],
    [{ ...driveway.bearer }, undefined],
  ] as const
  for (const [headers, ownOrigin] of cases) {
    const uploadUrl = await openSession(headers)
    for (const origin of [driveway.origin, allowedOrigin, 'https://evil.example']) {
      expect([ownOrigin, origin, await admits(uploadUrl, origin)]).toEqual([
        ownOrigin,
        origin,
        origin === ownOrigin,
      ])
    }
  }
  driveway.google.drive.expireSessions()
})

test.each([
  ['https://evil.example', 'origin_not_allowed', 'csrf'],
  ['null', 'origin_not_allowed', 'csrf'],
  [`${allowedOrigin}.evil.example`, 'origin_not_allowed', 'csrf'],
])(
  'POST /upload/tickets rejects the origin %s, with a token and with a cookie',
  async (origin, bearerCode, cookieCode) => {
    const withToken = await postTicket({ ...driveway.bearer, origin })
    const withCookie = await postTicket({ ...driveway.session, origin })
    expectProblem(withToken, 403, bearerCode)
    expectProblem(withCookie, 403, cookieCode)
    expectNothingStored(driveway)
  },
)

test('POST /upload/tickets cancels the session when the client disconnects while it is opened', async () => {
  driveway.google.faults.add({ operation: 'drive.upload.open', hold: 'request' })
  driveway.google.calls.length = 0
  const { sockets, stop } = recordRequests()
  const req = request(`${driveway.origin}/upload/tickets`, {
    method: 'POST',
    headers: { ...driveway.bearer, 'content-type': 'application/json', 'x-test-id': 'left' },
  })
  req.on('error', () => {})
  req.end(JSON.stringify(file))
  await waitFor(() => driveway.driveCalls().includes('drive.upload.open'))
  req.destroy()
  await waitFor(() => sockets.get('left')?.closed)
  stop()
  driveway.google.faults.release()
  await waitFor(() => driveway.driveCalls().includes('drive.upload.cancel'))
  await driveway.settled()
})

test('POST /upload/tickets retries transient Drive errors and returns permanent ones', async () => {
  driveway.google.faults.add(
    { operation: 'drive.upload.open', status: 503, times: 2 },
    { operation: 'drive.upload.open', reset: true },
  )
  await openSession(driveway.bearer)
  driveway.google.drive.expireSessions()
  driveway.google.faults.add({
    operation: 'drive.upload.open',
    location: 'https://evil.example/x?upload_id=1',
  })
  const redirected = await postTicket(driveway.bearer)
  expectProblem(redirected, 502, 'upstream_bad_response')
  expect(redirected.body).not.toContain('evil')
  driveway.google.drive.expireSessions()
  driveway.google.drive.setQuota(1)
  const full = await postTicket(driveway.bearer)
  expectProblem(full, 507, 'drive_full')
  driveway.google.drive.setQuota(Infinity)
})

test('the session URI is never logged', async () => {
  const uploadUrl = await openSession(driveway.bearer)
  const id = new URL(uploadUrl).searchParams.get('upload_id') ?? 'none'
  expect(id.length).toBeGreaterThan(40)
  expect(driveway.lines.filter((line) => line.includes(id))).toEqual([])
  expect(driveway.logs).toContainEqual(expect.objectContaining({ message: 'ticket_issued' }))
})
