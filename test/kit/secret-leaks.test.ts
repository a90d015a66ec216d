import { expect, test } from '@jest/globals'
import { inspectStore, findSecrets, inspect, inspectResponse, leaks } from './secret-leaks.ts'

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
])('findSecrets() finds a secret of the kind "%s"', (kind, text) => {
  expect(findSecrets(text)).toEqual([kind])
  expect(findSecrets(`x ${text} y`)).toEqual([kind])
})

test.each([
  'nothing at all',
  `{"id":"1${token.slice(0, 30)}"}`,
  `"nextPageToken":"x${token}"`,
  '__session=; Max-Age=0',
  'GET /files?pageToken=eyJ',
])('findSecrets() finds no secret in %j', (text) => {
  expect(findSecrets(text)).toEqual([])
})

test('a recorded leak names its place and its kind, and does not quote the secret', () => {
  leaks.length = 0
  inspect('the log', `{"message":"${token}"}`)
  inspectResponse('/files?q=x', `{"access_token":"${token}"}`)
  inspectResponse('/auth/tokens', `{"token":"${token}"}`)
  inspectResponse('/auth/device/token', `{"access_token":"${token}"}`)
  inspectResponse('/auth/device', `{"device_code":"${deviceCode}","x":"${token}"}`)
  // These leaks are intentional.
  expect(leaks.splice(0)).toEqual([
    'the log: token',
    'the response of /files: token',
    'the response of /auth/device: token',
  ])
})

test('inspectStore() accepts sealed values and hashes, and rejects other secrets', () => {
  inspectStore([{ sealed: jwt, id: 'a'.repeat(64) }])
  expect(() => inspectStore([{ name: token }])).toThrow(/unencrypted secret: token$/)
})
