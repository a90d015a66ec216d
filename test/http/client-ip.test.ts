/** The client address in X-Forwarded-For, which clients cannot forge. */
import { describe, expect, test } from '@jest/globals'
import type { IncomingMessage } from 'node:http'
import { deployedProxies, parseTrustedProxies } from '../../functions/config/trusted-proxies.ts'
import { createClientAddress, networkPrefix } from '../../functions/http/client-ip.ts'

/** The address from which Cloud Run connects. */
const platform = '169.254.1.1'

function requestFrom(forwarded?: string, fastly?: string, direct = platform): IncomingMessage {
  const headers = {
    ...(forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }),
    ...(fastly === undefined ? {} : { 'fastly-client-ip': fastly }),
  }
  return { headers, socket: { remoteAddress: direct } } as unknown as IncomingMessage
}

const addressOf = createClientAddress(
  parseTrustedProxies('TRUSTED_PROXIES', deployedProxies.split(' '), []),
)
const [google, fastlyNode] = ['35.191.0.9', '151.101.1.9']

describe('at the function’s own address', () => {
  test.each([
    ['alone', '203.0.113.7'],
    ['behind a forged address', '6.6.6.6, 203.0.113.7'],
    ['behind a forged chain of proxies', `6.6.6.6, ${google}, ${fastlyNode}, 203.0.113.7`],
    ['on a machine at Google', '6.6.6.6, 34.140.1.2'],
    ['over IPv6', '6.6.6.6,2001:db8::7'],
  ])('the client %s is the last entry', (_, forwarded) => {
    const client = forwarded.split(',').at(-1)?.trim()
    expect(addressOf(requestFrom(forwarded, '6.6.6.6'))).toEqual({ client, proxy: undefined })
  })
})

describe('behind Firebase Hosting', () => {
  test.each([
    ['one front end', `203.0.113.7, ${google}`, google],
    ['two front ends', `203.0.113.7, ${fastlyNode}, ${google}`, google],
    ['a forged entry', `6.6.6.6, 203.0.113.7, ${google}`, google],
    ['IPv6', '203.0.113.7,2a04:4e42::9', '2a04:4e42::9'],
  ])('the client is the entry before the front ends, with %s', (_, forwarded, proxy) => {
    expect(addressOf(requestFrom(forwarded, '6.6.6.6'))).toEqual({ client: '203.0.113.7', proxy })
  })

  test('Fastly-Client-IP is the client when only front ends are listed', () => {
    const expected = { client: '203.0.113.7', proxy: google }
    expect(addressOf(requestFrom(`${fastlyNode}, ${google}`, '203.0.113.7'))).toEqual(expected)
    expect(addressOf(requestFrom(google, '203.0.113.7'))).toEqual(expected)
    expect(addressOf(requestFrom(google))).toEqual({ client: google, proxy: undefined })
    expect(addressOf(requestFrom(google, '<script>'))).toEqual({ client: google, proxy: undefined })
  })

  test('a chain of more than 16 front ends is not followed', () => {
    const chain = Array.from({ length: 40 }, () => google).join(', ')
    expect(addressOf(requestFrom(`6.6.6.6, ${chain}`)).client).toBe(google)
  })
})

test.each([
  ['no X-Forwarded-For', undefined],
  ['an empty one', ''],
  ['an entry that is no address', '6.6.6.6, <script>'],
])('with %s, the client is the peer of the connection', (_, forwarded) => {
  expect(addressOf(requestFrom(forwarded, '6.6.6.6'))).toEqual({
    client: platform,
    proxy: undefined,
  })
})

test('the headers of a peer that is no trusted proxy are ignored', () => {
  for (const direct of ['192.0.2.1', '::ffff:192.0.2.1']) {
    expect(addressOf(requestFrom('6.6.6.6', '6.6.6.6', direct)).client).toBe('192.0.2.1')
  }
})

test.each([
  ['203.0.113.7', '203.0.113.7'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:DB8:0001:2::6', '2001:db8:1:2'],
  ['2001:db8::1', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
  ['', ''],
])('the network prefix of %p is %p', (address, network) => {
  expect(networkPrefix(address)).toBe(network)
})
