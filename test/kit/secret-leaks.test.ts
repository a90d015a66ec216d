/** The watch over all suites finds what it is there to find, and nothing else. */
import { expect, test } from '@jest/globals'
import { checkStore, leaksIn, overhear, overhearAnswer, overheard } from './secret-leaks.ts'

const random = 'abcdefghijklmnopqrstuvwxyz-_0123456789ABCDEFGHIJK'
const token = `dw_${random}`
const deviceCode = `dwd_BCDFGHJK${random.slice(0, 43)}`
const jwt = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl'

test.each([
  ['access token', 'Bearer ya29.a0AfH6SMBxyz01234'],
  ['refresh token', '{"refresh_token":"1//0gdkjhgkjdhgkjhdg"}'],
  ['authorization code', 'code=4/0AX4XfWhkjhkjhkjh'],
  ['client secret', 'GOCSPX-sandbox'],
  ['token', `"token":"${token}"`],
  ['device code', `device_code=${deviceCode}&x`],
  ['sealed value or JWT', jwt],
  ['sealed value or JWT', 'eyJhbGciOiJkaXIifQ..aXY.Y2lwaGVy.dGFn'],
  [
    'Drive session',
    'https://www.googleapis.com/upload?uploadType=resumable&upload_id=ABPtcPqR0123',
  ],
  ['session cookie', `__session=${random.slice(0, 43)}.x`],
])('a secret of the kind "%s" is found', (kind, text) => {
  expect(leaksIn(text)).toEqual([kind])
  expect(leaksIn(`x ${text} y`)).toEqual([kind])
})

test.each([
  'nothing at all',
  `{"id":"1${token.slice(0, 30)}"}`,
  `"nextPageToken":"x${token}"`,
  '__session=; Max-Age=0',
  'GET /files?pageToken=eyJ',
])('%s is no secret', (text) => {
  expect(leaksIn(text)).toEqual([])
})

test('a finding says where and what, and never quotes it', () => {
  overheard.length = 0
  overhear('the log', `{"message":"${token}"}`)
  overhearAnswer('/files?q=x', `{"access_token":"${token}"}`)
  overhearAnswer('/auth/tokens', `{"token":"${token}"}`)
  overhearAnswer('/auth/device/token', `{"access_token":"${token}"}`)
  overhearAnswer('/auth/device', `{"device_code":"${deviceCode}","x":"${token}"}`)
  // What was heard here was said on purpose.
  expect(overheard.splice(0)).toEqual([
    'the log: token',
    'the answer of /files: token',
    'the answer of /auth/device: token',
  ])
})

test('a store may hold what is sealed, and hashes', () => {
  checkStore([{ sealed: jwt, id: 'a'.repeat(64) }])
  expect(() => checkStore([{ name: token }])).toThrow(/in the clear: token$/)
})
