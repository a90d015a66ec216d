/** Where a browser can be sent: home, to a path here, or to a listed origin, whoever asks how. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { codeOf, send, speak, startDriveway } from '../kit/environment.ts'
import type { Driveway } from '../kit/environment.ts'
import { readReturnTo } from '../../functions/auth/return-url.ts'
import { approveConsent, startSignIn, completeSignIn } from '../kit/sign-in.ts'

const home = 'https://drive.example'
const friend = 'https://friend.example:8443'
const allowed = [home, friend]
const judge = (value: string | null): string => readReturnTo(value, home, [friend])

/** Spellings of "go to another host", each with a host of its own put in. */
const leads = [
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

const whole = [
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
  ...leads.flatMap((lead) => hosts.flatMap((host) => [lead + host, `${lead}${host}/%2e%2e/x`])),
  ...whole,
]
/** As a careless caller, or somebody in between, may have written each of them. */
const spellings: Record<string, (text: string) => string> = {
  raw: (text) => text,
  encoded: encodeURIComponent,
  'encoded twice': (text) => encodeURIComponent(encodeURIComponent(text)),
  'letter by letter': (text) =>
    [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
}

/** What an address bar would show in the end. */
function originOf(location: string): string {
  return new URL(location, home).origin
}

describe('return_to (case 29)', () => {
  test.each(Object.keys(spellings))('%s leads nowhere else', (name) => {
    expect(payloads.length).toBeGreaterThan(500)
    for (const payload of payloads) {
      const value = spellings[name]?.(payload) ?? ''
      const location = judge(value)
      expect([value, allowed.includes(originOf(location))]).toEqual([value, true])
      expect(location).toMatch(
        /^https:\/\/(drive\.example|friend\.example:8443)\/(?!\/)[\x21-\x7e]*$/,
      )
      // Nor would somebody who reads only its path be led away.
      expect(originOf(new URL(location).pathname)).toBe(home)
    }
    process.stdout.write(`return_to: ${new Set(payloads).size} payloads, ${name}\n`)
  })

  test.each([
    ['/', `${home}/`],
    ['/?folder=abc', `${home}/?folder=abc`],
    ['/a/b?c=d#e', `${home}/a/b?c=d#e`],
    ['/a/../b', `${home}/b`],
    ['/?next=https://evil.example/', `${home}/?next=https://evil.example/`],
    ['/\u00fc', `${home}/%C3%BC`],
    [`${home}/x`, `${home}/x`],
    [`${friend}/x`, `${friend}/x`],
    [null, `${home}/`],
  ])('%p leads to %s', (value, location) => {
    expect(judge(value)).toBe(location)
  })
})

describe('through the whole of a sign-in', () => {
  let driveway: Driveway

  beforeAll(async () => {
    driveway = await startDriveway({ env: { ALLOWED_ORIGINS: friend } })
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
  ])('%s ends at home, with 303 (case 29)', async (returnTo) => {
    const begun = await startSignIn(driveway, { returnTo })
    expect(new URL(begun.location).origin).toBe(driveway.google.url)
    const answer = await completeSignIn(driveway, await approveConsent(begun), begun.cookie)
    const location = answer.headers.location ?? ''
    expect([answer.status, new URL(location).origin]).toEqual([303, driveway.origin])
    expect(location).toMatch(/^[\x21-\x7e]+$/)
  })

  test('a path and a listed page are reached; a return_to at the callback is not read', async () => {
    for (const [returnTo, expected] of [
      ['/?folder=x%26y', `${driveway.origin}/?folder=x&y`],
      [`${friend}/a`, `${friend}/a`],
    ] as const) {
      const begun = await startSignIn(driveway, { returnTo })
      const query = await approveConsent(begun)
      query.set('return_to', '//evil.example')
      const { headers } = await completeSignIn(driveway, query, begun.cookie)
      expect(headers.location).toBe(expected)
    }
  })

  test('return_to twice is refused', async () => {
    const answer = await send(driveway.origin, '/auth?return_to=/a&return_to=//evil.example')
    expect([answer.status, codeOf(answer)]).toEqual([400, 'bad_request'])
  })

  test('Host and forwarding headers change nothing (case 30)', async () => {
    const begun = await startSignIn(driveway)
    const usual = new URL(begun.location)
    for (const headers of [
      { host: 'evil.example' },
      { host: 'evil.example:80@x' },
      { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'gopher' },
      { 'x-forwarded-uri': '/files', 'x-forwarded-prefix': '//evil.example' },
      { forwarded: 'host=evil.example;proto=https' },
      { 'x-original-url': '/files', 'x-rewrite-url': '/files', 'x-forwarded-for': '127.0.0.1' },
      { 'x-forwarded-authorization': driveway.bearer['authorization'] ?? '' },
    ] as Record<string, string>[]) {
      const answer = await send(driveway.origin, '/auth', { headers })
      const asked = new URL(answer.headers.location ?? '')
      expect(asked.host).toBe(usual.host)
      expect(asked.searchParams.get('redirect_uri')).toBe(`${driveway.origin}/callback`)
      expect(JSON.stringify(answer)).not.toContain('evil')
      const files = await send(driveway.origin, '/files', { headers })
      expect([files.status, codeOf(files)]).toEqual([401, 'login_required'])
    }
  })

  test.each([
    ['Host twice', 'GET /auth HTTP/1.1\r\nHost: a\r\nHost: evil.example\r\n'],
    ['an absolute target', 'GET http://evil.example/auth HTTP/1.1\r\nHost: x\r\n'],
    ['an absolute target of ours', 'GET http://127.0.0.1/auth HTTP/1.1\r\nHost: x\r\n'],
    ['a target that is a host', 'GET //evil.example/auth HTTP/1.1\r\nHost: x\r\n'],
    ['an asterisk', 'OPTIONS * HTTP/1.1\r\nHost: x\r\n'],
    ['no Host, HTTP/1.0', 'GET /auth HTTP/1.0\r\n'],
  ])('%s (case 30)', async (_, head) => {
    const heard = await speak(driveway.origin, [`${head}Connection: close\r\n\r\n`])
    const [, status = ''] = /^HTTP\/1\.1 (\d{3}) /.exec(heard) ?? []
    expect(['302', '400', '404']).toContain(status)
    expect(heard).not.toContain('evil')
    if (status === '302') {
      expect(heard).toContain(encodeURIComponent(`${driveway.origin}/callback`))
    }
  })
})
