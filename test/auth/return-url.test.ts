/** Open-redirect protection of `return_to`: the home page, a path of this origin, or an allowed origin. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { problemCode, send, sendRaw, startDriveway } from '../kit/environment.ts'
import type { Driveway } from '../kit/environment.ts'
import { readReturnTo } from '../../functions/auth/return-url.ts'
import { approveConsent, startSignIn, completeSignIn } from '../kit/sign-in.ts'

const home = 'https://drive.example'
const allowedOrigin = 'https://friend.example:8443'
const allowed = [home, allowedOrigin]
const validate = (value: string | null): string => readReturnTo(value, home, [allowedOrigin])

/** Prefixes that may make a URL parser navigate to the host that follows. */
const prefixes = [
  ['//', '///', '////', '/\\', '\\\\', '\\/', '\\', '/\\/', '//\\', '\\\\\\', '/\\\\'],
  ['/\t/', '/\n/', '/\r/', '/\r\n/', '\t//', ' //', '\n//', '\0//', '/\0/', '/ /', '\u00a0//'],
  ['/.//', '/./', '/..//', '/x/..//', '/x/../..//', './/', '/%2e//', '/.%2e//', '/x/%2e%2e//'],
  ['\u2215\u2215', '\uff0f\uff0f', '\u2044\u2044', '/\uff0f', '/\u3002', '/\u2044', '/\u29f8'],
  ['http:', 'https:', 'http:/', 'https:/', 'http://', 'https://', 'http:///', 'https:///'],
  ['http:\\\\', 'https:\\', 'https:/\\', 'https:\\/', 'hTTps://', 'HTTP://', 'https:////'],
  ['ht\ttps://', 'https\n://', 'https:\t//', ' https://', '\x01https://', 'https://\t', ':///'],
  ['://', ':', 'https', 'ftp://', 'ws://', 'wss://', 'file://', 'data://', 'blob:https://'],
  ['view-source:https://', 'about:', 'intent://', 'x:', 'https:x@', 'mailto:a@', 'tel:'],
  ['//x@', '//x:y@', 'https://x@', 'https://drive.example@', 'https://drive.example:443@'],
  ['https://drive.example%40', 'https://drive.example\\@', 'https://drive.example%5c@'],
  ['https://drive.example%00.', 'https://drive.example%2f.', 'https://drive.example%23.'],
  ['https://drive.example.', 'https://drive.example-', 'https://xdrive.example.', '//www.'],
  ['https://friend.example:8443.', 'https://friend.example:8443@', 'https://friend.example.'],
  ['/;//', '/?//', '/#//', '/@', '/:@', '/;@', '/%2f', '/%5c', '/%2f%2f', '/%5c%5c', '/%09/'],
  ['/%0a/', '/%0d/', '/%00/', '/%20/', '/%0d%0aLocation:%20https://', '/\r\nLocation: https://'],
].flat()
const hosts = [
  'evil.example',
  '2130706433',
  '[::1]',
  '0x7f.1',
  'xn--evl-sma.example',
  '\u00e9vil.com',
]

const wholeValues = [
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)',
  'java\tscript:alert(1)',
  '\u0001javascript:alert(1)',
  'javascript://drive.example/%0aalert(1)',
  'javascript:alert(1)//https://drive.example/',
  'vbscript:msgbox(1)',
  'data:text/html,<script>alert(1)</script>',
  'data:text/html;base64,PHNjcmlwdD4=',
  'blob:https://drive.example/x',
  'filesystem:https://drive.example/temporary/x',
  'http://drive.example/',
  'http://drive.example:443/',
  'https://drive.example:444/',
  'https://friend.example/',
  'https://user@drive.example/',
  'https://:pass@drive.example/',
  'https://friend.example:8444/',
  'http://friend.example:8443/',
  'null',
  'undefined',
  '',
  ' ',
  '..',
  '#',
  '?',
  '?next=//evil.example',
  '/'.repeat(2_100),
  `/${'a'.repeat(3_000)}`,
]

const payloads = [
  ...prefixes.flatMap((lead) => hosts.flatMap((host) => [lead + host, `${lead}${host}/%2e%2e/x`])),
  ...wholeValues,
]
/** Encodings that a caller or a proxy may apply. */
const encodings: Record<string, (text: string) => string> = {
  raw: (text) => text,
  encoded: encodeURIComponent,
  'double-encoded': (text) => encodeURIComponent(encodeURIComponent(text)),
  'percent-encoded bytes': (text) =>
    [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
}

/** Returns the origin that a browser would navigate to. */
function originOf(location: string): string {
  return new URL(location, home).origin
}

describe('readReturnTo()', () => {
  test.each(Object.keys(encodings))(
    'results in an allowed origin for every payload (%s)',
    (name) => {
      expect(payloads.length).toBeGreaterThan(500)
      for (const payload of payloads) {
        const value = encodings[name]?.(payload) ?? ''
        const location = validate(value)
        expect([value, allowed.includes(originOf(location))]).toEqual([value, true])
        expect(location).toMatch(
          /^https:\/\/(drive\.example|friend\.example:8443)\/(?!\/)[\x21-\x7e]*$/,
        )
        // The path alone must not lead to another origin either.
        expect(originOf(new URL(location).pathname)).toBe(home)
      }
      process.stdout.write(`return_to: ${new Set(payloads).size} payloads, ${name}\n`)
    },
  )

  test.each([
    ['/', `${home}/`],
    ['/?folder=abc', `${home}/?folder=abc`],
    ['/a/b?c=d#e', `${home}/a/b?c=d#e`],
    ['/a/../b', `${home}/b`],
    ['/?next=https://evil.example/', `${home}/?next=https://evil.example/`],
    ['/\u00fc', `${home}/%C3%BC`],
    [`${home}/x`, `${home}/x`],
    [`${allowedOrigin}/x`, `${allowedOrigin}/x`],
    [null, `${home}/`],
  ])('%p results in %s', (value, location) => {
    expect(validate(value)).toBe(location)
  })
})

describe('a complete sign-in', () => {
  let driveway: Driveway

  beforeAll(async () => {
    driveway = await startDriveway({ env: { ALLOWED_ORIGINS: allowedOrigin } })
  })
  afterAll(() => driveway.close())

  test.each([
    '//evil.example',
    '/%5cevil.example',
    '%2f%2fevil.example',
    '%252f%252fevil.example',
    'https://evil.example/',
    'https:%2f%2fevil.example',
    '/%09/evil.example',
    '%0d%0aLocation:%20https://evil.example',
    'javascript:alert(1)',
    '/%2e%2e//evil.example',
  ])('GET /callback redirects to the home page with 303 for return_to=%s', async (returnTo) => {
    const started = await startSignIn(driveway, { returnTo })
    expect(new URL(started.location).origin).toBe(driveway.google.url)
    const response = await completeSignIn(driveway, await approveConsent(started), started.cookie)
    const location = response.headers.location ?? ''
    expect([response.status, new URL(location).origin]).toEqual([303, driveway.origin])
    expect(location).toMatch(/^[\x21-\x7e]+$/)
  })

  test('GET /callback redirects to a path or an allowed origin, and ignores its own return_to', async () => {
    for (const [returnTo, expected] of [
      ['/?folder=x%26y', `${driveway.origin}/?folder=x&y`],
      [`${allowedOrigin}/a`, `${allowedOrigin}/a`],
    ] as const) {
      const started = await startSignIn(driveway, { returnTo })
      const query = await approveConsent(started)
      query.set('return_to', '//evil.example')
      const { headers } = await completeSignIn(driveway, query, started.cookie)
      expect(headers.location).toBe(expected)
    }
  })

  test('GET /auth returns 400 for a repeated return_to', async () => {
    const response = await send(driveway.origin, '/auth?return_to=/a&return_to=//evil.example')
    expect([response.status, problemCode(response)]).toEqual([400, 'bad_request'])
  })

  test('GET /auth ignores Host and forwarding headers', async () => {
    const started = await startSignIn(driveway)
    const defaultRequest = new URL(started.location)
    for (const headers of [
      { host: 'evil.example' },
      { host: 'evil.example:80@x' },
      { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'gopher' },
      { 'x-forwarded-uri': '/files', 'x-forwarded-prefix': '//evil.example' },
      { forwarded: 'host=evil.example;proto=https' },
      { 'x-original-url': '/files', 'x-rewrite-url': '/files', 'x-forwarded-for': '127.0.0.1' },
      { 'x-forwarded-authorization': driveway.bearer['authorization'] ?? '' },
    ] as Record<string, string>[]) {
      const response = await send(driveway.origin, '/auth', { headers })
      const requested = new URL(response.headers.location ?? '')
      expect(requested.host).toBe(defaultRequest.host)
      expect(requested.searchParams.get('redirect_uri')).toBe(`${driveway.origin}/callback`)
      expect(JSON.stringify(response)).not.toContain('evil')
      const files = await send(driveway.origin, '/files', { headers })
      expect([files.status, problemCode(files)]).toEqual([401, 'login_required'])
    }
  })

  test.each([
    ['a repeated Host header', 'GET /auth HTTP/1.1\r\nHost: a\r\nHost: evil.example\r\n'],
    ['an absolute request target', 'GET http://evil.example/auth HTTP/1.1\r\nHost: x\r\n'],
    [
      'an absolute request target with our address',
      'GET http://127.0.0.1/auth HTTP/1.1\r\nHost: x\r\n',
    ],
    ['a request target that starts with a host', 'GET //evil.example/auth HTTP/1.1\r\nHost: x\r\n'],
    ['the request target *', 'OPTIONS * HTTP/1.1\r\nHost: x\r\n'],
    ['HTTP/1.0 without Host', 'GET /auth HTTP/1.0\r\n'],
  ])('A request with %s does not change the redirect URI', async (_, head) => {
    const reply = await sendRaw(driveway.origin, [`${head}Connection: close\r\n\r\n`])
    const [, status = ''] = /^HTTP\/1\.1 (\d{3}) /.exec(reply) ?? []
    expect(['302', '400', '404']).toContain(status)
    expect(reply).not.toContain('evil')
    if (status === '302') {
      expect(reply).toContain(encodeURIComponent(`${driveway.origin}/callback`))
    }
  })
})
