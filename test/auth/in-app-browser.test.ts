/** `GET /auth` in the built-in browser of an app, which Google's sign-in page refuses. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { createHash } from 'node:crypto'
import { problemCode, send, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'

let driveway: Driveway
const page = 'https://photos.example'

beforeAll(async () => {
  driveway = await startDriveway({
    isSignedIn: false,
    env: { ALLOWED_ORIGINS: page, RETURN_URLS: `${page}/gallery` },
  })
})
afterAll(() => driveway.close())

const iPhone =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)'
const android = 'Mozilla/5.0 (Linux; Android 15; Pixel 9 Build/BP1A; wv) AppleWebKit/537.36'
const chrome = 'Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36'

function open(path: string, userAgent: string, accept = 'text/html'): Promise<RawResponse> {
  return send(driveway.origin, path, { headers: { 'user-agent': userAgent, accept } })
}

test.each([
  ['Instagram', `${iPhone} Mobile/15E148 Instagram 390.0.0.28.85 (iPhone17,1; iOS 18_6; en_US)`],
  ['Threads', `${iPhone} Mobile/15E148 Barcelona 390.0.0.28.85 (iPhone17,1; iOS 18_6; en_US)`],
  ['Facebook', `${iPhone} Mobile/15E148 [FBAN/FBIOS;FBAV/520.0.0.38;FBBV/756;FBDV/iPhone17,1]`],
  ['Facebook', `${chrome} Chrome/140.0.0.0 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/520.0.0.51;]`],
  ['LINE', `${iPhone} Mobile/15E148 Safari Line/15.11.0`],
  ['LINE', `${chrome} Chrome/140.0.0.0 Mobile Safari/537.36 Line/15.11.0/IAB`],
  ['TikTok', `${iPhone} Mobile/15E148 musical_ly_39.5.0 JsSdk/2.0 BytedanceWebview/d8a21c6`],
  ['WeChat', `${iPhone} Mobile/15E148 MicroMessenger/8.0.61(0x18003d2e) NetType/WIFI`],
  ['Snapchat', `${iPhone} Mobile/15E148 Snapchat/13.50.0.44 (like Safari/604.1)`],
  ['LinkedIn', `${iPhone} Mobile/15E148 [LinkedInApp]/9.31.2115`],
  ['Pinterest', `${iPhone} Mobile/15E148 [Pinterest/iOS]`],
  ['X', `${iPhone} Mobile/15E148 Twitter for iPhone/11.30`],
  ['KakaoTalk', `${chrome} Chrome/140.0.0.0 Mobile Safari/537.36;KAKAOTALK 2610790`],
  ['NAVER', `${iPhone} Mobile/15E148 Safari/605.1 NAVER(inapp; search; 1111; 12.14.6; 16PRO)`],
  ['an app', `${android} Version/4.0 Chrome/140.0.0.0 Mobile Safari/537.36`],
])('GET /auth in %s asks to open its link in a browser', async (app, userAgent) => {
  const response = await open('/auth?return_to=/device%3Fuser_code%3DBCDF-GHJK', userAgent)
  expect([response.status, response.headers.location]).toEqual([403, undefined])
  expect(response.body).toContain('<h1>Open in your browser')
  expect(response.body).toContain(`built-in browser of ${app}`)
  expect(response.body).toContain(
    `>${driveway.origin}/auth?return_to=%2Fdevice%3Fuser_code%3DBCDF-GHJK<`,
  )
  expect(response.headers['set-cookie']).toBeUndefined()
  expect(response.headers['cross-origin-opener-policy']).toBe('same-origin')
})

test.each([
  ['Safari', `${iPhone} Version/18.6 Mobile/15E148 Safari/604.1`],
  ['Chrome on an iPhone', `${iPhone} CriOS/140.0.0.0 Mobile/15E148 Safari/604.1`],
  ['a web app on the home screen', `${iPhone} Mobile/15E148`],
  ['Chrome', `${chrome} Chrome/140.0.0.0 Mobile Safari/537.36`],
  ['Samsung Internet', `${chrome} SamsungBrowser/28.0 Chrome/140.0.0.0 Mobile Safari/537.36`],
  ['Firefox', 'Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0'],
  ['curl', 'curl/8.15.0'],
  ['a program whose name ends in line', 'Offline/1.0 Headline/2.0'],
])('GET /auth in %s redirects to Google', async (_, userAgent) => {
  expect((await open('/auth', userAgent)).status).toBe(302)
})

test('the link of a page on another origin is that page, which starts its own sign-in', async () => {
  const query = new URLSearchParams({
    return_to: `${page}/gallery?a=1&b=<script>`,
    code_challenge: createHash('sha256').update('x').digest('base64url'),
    code_challenge_method: 'S256',
  })
  const { status, body } = await open(`/auth?${query}`, `${iPhone} Mobile/15E148 Instagram 390.0`)
  expect(status).toBe(403)
  expect(body).toContain(`>${page}/gallery?a=1&#38;b=%3Cscript%3E<`)
  expect(body).not.toContain('<script')
})

test('a client that accepts no HTML gets the same as a problem', async () => {
  const response = await open('/auth', `${iPhone} Mobile/15E148 Instagram 390.0`, '*/*')
  expect([response.status, problemCode(response)]).toEqual([403, 'in_app_browser'])
  expect(response.body).toContain('built-in browser of Instagram')
})
