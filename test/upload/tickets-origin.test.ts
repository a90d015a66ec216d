/** Who may use a ticket's session URI, and where it must never be seen. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { request } from 'node:http'
import { codeOf, send } from '../kit/environment.ts'
import type { RawAnswer } from '../kit/environment.ts'
import type { Uploading } from '../kit/upload.ts'
import { expectNothingIn, startUploading, until } from '../kit/upload.ts'

const elsewhere = 'https://photos.example'
const wanted = JSON.stringify({ name: 'a.txt', type: 'text/plain', size: 5 })

let driveway: Uploading

beforeAll(async () => {
  driveway = await startUploading({
    env: { ALLOWED_ORIGINS: elsewhere },
    gateway: { wait: () => Promise.resolve() },
  })
})

afterAll(() => driveway.close())

const ask = (headers: Record<string, string>): Promise<RawAnswer> =>
  send(driveway.origin, '/upload/tickets', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: wanted,
  })

async function opened(headers: Record<string, string>): Promise<string> {
  const answer = await ask(headers)
  expect(answer.status).toBe(201)
  return (JSON.parse(answer.body) as { uploadUrl: string }).uploadUrl
}

/** The origin that Drive lets use a session. */
async function letsIn(uploadUrl: string, origin: string): Promise<boolean> {
  const { host, pathname, search } = new URL(uploadUrl)
  const answer = await send(`http://${host}`, pathname + search, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'PUT' },
  })
  return answer.headers['access-control-allow-origin'] === origin
}

test('a session is for pages of the origin that asked for it, and of no other', async () => {
  const cases = [
    [{ ...driveway.session }, driveway.origin],
    [{ ...driveway.session, origin: elsewhere }, elsewhere],
    [{ ...driveway.bearer, origin: elsewhere }, elsewhere],
    [{ ...driveway.bearer }, undefined],
  ] as const
  for (const [headers, mine] of cases) {
    const uploadUrl = await opened(headers)
    for (const origin of [driveway.origin, elsewhere, 'https://evil.example']) {
      expect([mine, origin, await letsIn(uploadUrl, origin)]).toEqual([
        mine,
        origin,
        origin === mine,
      ])
    }
  }
  driveway.google.drive.forgetSessions()
})

test.each([
  ['https://evil.example', 'origin_not_allowed', 'csrf'],
  ['null', 'origin_not_allowed', 'csrf'],
  [`${elsewhere}.evil.example`, 'origin_not_allowed', 'csrf'],
])(
  'a page of %s gets no ticket, with a token or with a cookie',
  async (origin, bearerCode, cookieCode) => {
    const withToken = await ask({ ...driveway.bearer, origin })
    const withCookie = await ask({ ...driveway.session, origin })
    expect([withToken.status, codeOf(withToken)]).toEqual([403, bearerCode])
    expect([withCookie.status, codeOf(withCookie)]).toEqual([403, cookieCode])
    expectNothingIn(driveway)
  },
)

test('a caller that leaves while the session is being opened leaves none behind', async () => {
  driveway.google.faults.add({ operation: 'drive.upload.open', latency: 300 })
  driveway.google.calls.length = 0
  const req = request(`${driveway.origin}/upload/tickets`, {
    method: 'POST',
    headers: { ...driveway.bearer, 'content-type': 'application/json' },
  })
  req.on('error', () => {})
  req.end(wanted)
  await until(() => driveway.driveCalls().includes('drive.upload.open'))
  req.destroy()
  await until(() => driveway.driveCalls().includes('drive.upload.cancel'))
  await driveway.settled()
})

test('what passes at Drive is not noticed by the caller; what stays is told', async () => {
  driveway.google.faults.add(
    { operation: 'drive.upload.open', status: 503, times: 2 },
    { operation: 'drive.upload.open', reset: true },
  )
  await opened(driveway.bearer)
  driveway.google.drive.forgetSessions()
  driveway.google.faults.add({
    operation: 'drive.upload.open',
    location: 'https://evil.example/x?upload_id=1',
  })
  const astray = await ask(driveway.bearer)
  expect([astray.status, codeOf(astray)]).toEqual([502, 'upstream_bad_response'])
  expect(astray.body).not.toContain('evil')
  driveway.google.drive.forgetSessions()
  driveway.google.drive.setQuota(1)
  const full = await ask(driveway.bearer)
  expect([full.status, codeOf(full)]).toEqual([507, 'drive_full'])
  driveway.google.drive.setQuota(Infinity)
})

test('the session URI is in the one answer, and in no line of the log', async () => {
  const uploadUrl = await opened(driveway.bearer)
  const id = new URL(uploadUrl).searchParams.get('upload_id') ?? 'none'
  expect(id.length).toBeGreaterThan(40)
  expect(driveway.lines.filter((line) => line.includes(id))).toEqual([])
  expect(driveway.logs).toContainEqual(expect.objectContaining({ message: 'ticket opened' }))
})
