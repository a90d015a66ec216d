/** The client address in X-Forwarded-For, which clients cannot forge. */
import { expect, test } from '@jest/globals'
import type { IncomingMessage } from 'node:http'
import { createClientIp, networkPrefix } from '../../functions/http/client-ip.ts'

const requestFrom = (forwarded?: string): IncomingMessage =>
  ({
    headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
    socket: { remoteAddress: '::ffff:192.0.2.1' },
  }) as unknown as IncomingMessage

test.each([
  [0, '6.6.6.6', '::ffff:192.0.2.1'],
  [1, '6.6.6.6, 203.0.113.7', '203.0.113.7'],
  [1, '203.0.113.7', '203.0.113.7'],
  [1, '6.6.6.6,2001:db8::7', '2001:db8::7'],
  [2, '6.6.6.6, 203.0.113.7, 198.51.100.1', '203.0.113.7'],
  [2, '203.0.113.7', '::ffff:192.0.2.1'],
  [1, undefined, '::ffff:192.0.2.1'],
  [1, '', '::ffff:192.0.2.1'],
  [1, '6.6.6.6, <script>', '::ffff:192.0.2.1'],
])('with %i proxies, the client IP of X-Forwarded-For %p is %s', (hops, forwarded, address) => {
  expect(createClientIp(hops)(requestFrom(forwarded))).toBe(address)
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
