/** RETURN_URLS: the exact URLs where a sign-in with a code challenge may end, and what such a page may do. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { send, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'
import { decideDeviceRequest, requestDeviceCode, showDeviceRequest } from '../kit/device-flow.ts'
import {
  authorizationCode,
  pageHeaders,
  signInForPage,
  startPageSignIn,
} from '../kit/page-sign-in.ts'
import { putPolicy } from '../kit/policies.ts'
import { parseJson, putFile, statusAndCode } from '../kit/requests.ts'
import { postToken } from '../kit/tokens.ts'

const page = 'https://app.example'
const env = {
  ALLOWED_ORIGINS: `${page} https://listed.example`,
  RETURN_URLS: `${page}/photos ${page}/a/b/`,
}
let driveway: Driveway

beforeAll(async () => {
  driveway = await startDriveway({ env })
})
afterAll(() => driveway.close())

describe('GET /auth with code_challenge', () => {
  test.each([
    [`${page}/photos`, `${page}/photos`],
    [`${page}/photos?album=5&x=/redirect`, `${page}/photos?album=5&x=/redirect`],
    [`${page}/a/b/`, `${page}/a/b/`],
    [`${page}/x/../photos`, `${page}/photos`],
    [`${page}:443/photos`, `${page}/photos`],
  ])('accepts return_to %s', async (returnTo, expected) => {
    const { to } = await signInForPage(driveway, returnTo, 'v'.repeat(43))
    expect(authorizationCode(to)).not.toBe('')
    expect(to.href.split('#')[0]).toBe(expected)
  })

  test.each([
    // An open redirect on the listed origin would pass the fragment on to another site.
    `${page}/redirect?to=https://evil.example/`,
    `${page}/`,
    page,
    `${page}/photos/`,
    `${page}/Photos`,
    `${page}/photos/redirect`,
    `${page}/photos/../redirect`,
    `${page}/photos/%2e%2e/redirect`,
    `${page}/photos%2f..%2fredirect`,
    `${page}/photos;/../redirect`,
    `${page}/photos%00`,
    `${page}/phot%6Fs`,
    `${page}//photos`,
    `${page}/a/b`,
    `${page}:8443/photos`,
    `http://app.example/photos`,
    'https://listed.example/photos',
    'https://evil.example/photos',
    '/photos',
  ])('refuses return_to %s with 400', async (returnTo) => {
    const response = await startPageSignIn(driveway, returnTo)
    expect(statusAndCode(response)).toEqual([400, 'bad_request'])
    expect(parseJson(response)['detail']).toMatch('RETURN_URLS')
  })

  test('is refused at a gateway without RETURN_URLS', async () => {
    const gateway = await startDriveway({ sharing: driveway, env: { ALLOWED_ORIGINS: page } })
    const response = await startPageSignIn(gateway, `${page}/`)
    expect(statusAndCode(response)).toEqual([400, 'bad_request'])
    await gateway.close()
  })
})

/** Requests that only a session of the gateway's own page may send. */
const ownerRequests: [string, (headers: Record<string, string>) => Promise<RawResponse>][] = [
  ['POST /auth/tokens', (headers) => postToken(driveway, {}, headers)],
  ['GET /auth/tokens', (headers) => send(driveway.origin, '/auth/tokens', { headers })],
  [
    'DELETE /auth/tokens/{id}',
    (headers) =>
      send(driveway.origin, `/auth/tokens/${'0'.repeat(64)}`, { method: 'DELETE', headers }),
  ],
  ['PUT /auth/policies/{name}', (headers) => putPolicy(driveway, 'x', {}, headers)],
  ['GET /auth/policies', (headers) => send(driveway.origin, '/auth/policies', { headers })],
  [
    'GET /auth/device/{user_code}',
    async (headers) =>
      showDeviceRequest(driveway, (await requestDeviceCode(driveway)).user_code, headers),
  ],
  [
    'POST /auth/device/{user_code}',
    async (headers) =>
      decideDeviceRequest(driveway, (await requestDeviceCode(driveway)).user_code, {}, headers),
  ],
  [
    'DELETE /auth/grant',
    (headers) => send(driveway.origin, '/auth/grant', { method: 'DELETE', headers }),
  ],
]

describe('a page on another origin', () => {
  test('lists and uploads with its bearer token, and ends it', async () => {
    const headers = await pageHeaders(driveway, `${page}/photos`)
    expect((await putFile(driveway, headers, 'page.txt')).status).toBe(201)
    expect((await send(driveway.origin, '/files', { headers })).status).toBe(200)
    const signedOut = await send(driveway.origin, '/auth/session', { method: 'DELETE', headers })
    expect(signedOut.status).toBe(204)
    expect((await send(driveway.origin, '/files', { headers })).status).toBe(401)
  })

  test.each(ownerRequests)('gets 403 for %s with its bearer token', async (_, request) => {
    const response = await request(await pageHeaders(driveway, `${page}/photos`))
    expect(statusAndCode(response)).toEqual([403, 'scope_insufficient'])
  })

  test.each(ownerRequests)('gets 403 for %s with the cookie of a session', async (_, request) => {
    const response = await request({ cookie: driveway.session['cookie'] ?? '', origin: page })
    expect(statusAndCode(response)).toEqual([403, 'csrf'])
  })
})
