/** Tokens of CI systems: what an issuer's keys have to prove, and what an issuer may do to us. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import { createHmac, randomBytes } from 'node:crypto'
import type { Fault } from '../../infra/sandbox/faults.ts'
import { codeOf, send, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawAnswer } from '../kit/environment.ts'
import { requestAsJob, jobToken, setPolicy } from '../kit/policies.ts'

let driveway: Driveway
/** Gateways that hold no keys yet. */
const cold: Driveway[] = []
let audience = ''
let clock = 0
const now = (): number => Date.now() + clock

beforeAll(async () => {
  driveway = await startDriveway({ gateway: { now }, google: { ci: { now } } })
  audience = (await setPolicy(driveway, 'deploy')).audience
})
afterAll(async () => {
  for (const house of cold) await house.close()
  await driveway.close()
})
beforeEach(() => {
  driveway.google.calls.length = 0
})
afterEach(() => driveway.google.faults.clear())

async function another(env: Record<string, string> = {}): Promise<Driveway> {
  const house = await startDriveway({ beside: driveway, env, gateway: { now } })
  cold.push(house)
  return house
}

const fetched = (): number => driveway.google.calls.filter((call) => call === 'ci.jwks').length
const seconds = (from: number): number => Math.floor(now() / 1000) + from

async function expectRefused(
  token: string | Promise<string>,
  code = 'invalid_token',
): Promise<void> {
  const answer = await requestAsJob(driveway, await token)
  expect([answer.status, codeOf(answer)]).toEqual([401, code])
  expect(answer.headers['www-authenticate']).toMatch(/^Bearer .*error="invalid_token"/)
}

describe('the time of a token', () => {
  test.each<[string, Record<string, unknown> | (() => Record<string, unknown>)]>([
    ['has expired', () => ({ iat: seconds(-700), nbf: seconds(-700), exp: seconds(-61) })],
    ['is not yet good', () => ({ nbf: seconds(90) })],
    ['was made in the future', () => ({ iat: seconds(90), nbf: null })],
    [
      'was made long ago, for ever',
      () => ({ iat: seconds(-7 * 3600), nbf: null, exp: seconds(9e6) }),
    ],
    ['has no end', { exp: null }],
    ['has no beginning', { iat: null, nbf: null }],
    ['ends at a word', { exp: 'never' }],
    ['was made at a word', { iat: 'now' }],
  ])('that %s', async (_, claims) => {
    await expectRefused(
      jobToken(driveway, audience, typeof claims === 'function' ? claims() : claims),
    )
  })

  test.each<[string, () => Record<string, unknown>]>([
    [
      'expired half a minute ago',
      () => ({ iat: seconds(-600), nbf: seconds(-600), exp: seconds(-30) }),
    ],
    [
      'of half a minute from now',
      () => ({ iat: seconds(30), nbf: seconds(30), exp: seconds(600) }),
    ],
    ['without nbf', () => ({ nbf: null })],
    [
      'of five hours ago, for ever',
      () => ({ iat: seconds(-5 * 3600), nbf: null, exp: seconds(9e6) }),
    ],
  ])('clocks may differ: one %s is good', async (_, claims) => {
    const answer = await requestAsJob(driveway, await jobToken(driveway, audience, claims()))
    expect(answer.status).toBe(200)
  })
})

describe('the makers of a token', () => {
  test.each<[string, Record<string, unknown>, string]>([
    ['another issuer', { iss: 'https://token.actions.githubusercontent.com' }, 'invalid_token'],
    ['the same with a slash', { iss: 'SLASH' }, 'invalid_token'],
    ['no issuer', { iss: null }, 'wrong_audience'],
    ['an issuer that is a list', { iss: ['x'] }, 'wrong_audience'],
    ['Google', { iss: 'https://accounts.google.com' }, 'wrong_audience'],
    ['Google, as it was', { iss: 'accounts.google.com' }, 'wrong_audience'],
    ['no audience', { aud: null }, 'invalid_token'],
    ['an empty list of audiences', { aud: [] }, 'invalid_token'],
    ['two audiences', { aud: ['AUDIENCE', 'https://evil.example'] }, 'invalid_token'],
    ['an audience that is a number', { aud: 7 }, 'invalid_token'],
  ])('%s', async (_, claims, code) => {
    const text = JSON.stringify(claims)
      .replace('SLASH', `${driveway.google.ci.issuer}/`)
      .replace('AUDIENCE', audience)
    const said = JSON.parse(text) as Record<string, unknown>
    await expectRefused(jobToken(driveway, audience, said), code)
  })

  test('an issuer that is not in OIDC_ISSUERS is asked for nothing', async () => {
    const house = await another({ OIDC_ISSUERS: 'none' })
    const answer = await requestAsJob(house, await jobToken(driveway, audience))
    expect([answer.status, codeOf(answer)]).toEqual([401, 'invalid_token'])
    expect(fetched()).toBe(0)
  })
})

const payload = (): Record<string, unknown> => ({
  iss: driveway.google.ci.issuer,
  aud: audience,
  iat: seconds(0),
  exp: seconds(600),
  repository: 'me/app',
})
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
async function published(): Promise<{ kid: string; n: string }> {
  const answer = await fetch(`${driveway.google.ci.issuer}/jwks`)
  const { keys } = (await answer.json()) as { keys: { kid: string; n: string }[] }
  driveway.google.calls.length = 0
  if (!keys[0]) throw new Error('There is no key')
  return keys[0]
}

describe('the signature of a token', () => {
  test('none, in every spelling', async () => {
    const { kid } = await published()
    await expectRefused(new UnsecuredJWT(payload()).encode())
    for (const alg of ['none', 'None', 'NONE', 'nOnE', '']) {
      await expectRefused(`${encode({ alg, kid })}.${encode(payload())}.`)
      await expectRefused(`${encode({ alg, kid })}.${encode(payload())}.c2ln`)
    }
  })

  test('the public key as a secret (HS256)', async () => {
    const { kid, n } = await published()
    for (const secret of [n, Buffer.from(n, 'base64url'), JSON.stringify(await published())]) {
      const signed = `${encode({ alg: 'HS256', kid })}.${encode(payload())}`
      const signature = createHmac('sha256', secret).update(signed).digest('base64url')
      await expectRefused(`${signed}.${signature}`)
    }
  })

  test('by another key that calls itself by the same name, or brings itself along', async () => {
    const { kid } = await published()
    const { privateKey, publicKey } = await generateKeyPair('RS256')
    const jwk = await exportJWK(publicKey)
    const more = [
      {},
      { jwk },
      { jku: 'https://evil.example/jwks' },
      { x5u: 'https://evil.example' },
    ]
    for (const header of more) {
      const token = new SignJWT(payload()).setProtectedHeader({ alg: 'RS256', kid, ...header })
      await expectRefused(token.sign(privateKey))
    }
  })

  test('that was changed, cut, or belongs to another token', async () => {
    const [token, other] = await Promise.all([
      jobToken(driveway, audience),
      jobToken(driveway, audience, { repository: 'me/other' }),
    ])
    const [head = '', body = '', signature = ''] = token.split('.')
    const [, otherBody = '', otherSignature = ''] = other.split('.')
    for (const spoiled of [
      `${head}.${otherBody}.${signature}`,
      `${head}.${body}.${otherSignature}`,
      `${head}.${body}.${signature.slice(0, -4)}`,
      `${head}.${body}.`,
      `${head}.${body}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`,
    ]) {
      await expectRefused(spoiled)
    }
    expect((await requestAsJob(driveway, token)).status).toBe(200)
  })

  test('with a header that names no key', async () => {
    await expectRefused(jobToken(driveway, audience, {}, { kid: undefined }))
  })

  test.each(['eyJ', 'eyJ.eyJ', 'eyJhbGciOiJub25lIn0.e30.', `eyJ${'A'.repeat(3_000)}.e30.x`])(
    'of what is no token at all: %.20s',
    async (text) => expectRefused(text, 'wrong_audience'),
  )

  test('a token of 10 KB is not even looked at', async () => {
    await expectRefused(jobToken(driveway, audience, { filler: 'x'.repeat(7_000) }))
  })
})

describe('an issuer’s keys', () => {
  test('are fetched once for a crowd, and not again for ten minutes', async () => {
    const house = await another()
    const token = await jobToken(driveway, audience)
    const answers = await Promise.all(Array.from({ length: 50 }, () => requestAsJob(house, token)))
    expect(answers.filter(({ status }) => status !== 200)).toEqual([])
    expect(fetched()).toBe(1)
    clock += 9 * 60_000
    await requestAsJob(house, await jobToken(driveway, audience))
    expect(fetched()).toBe(1)
    clock += 2 * 60_000
    await requestAsJob(house, await jobToken(driveway, audience))
    expect(fetched()).toBe(2)
  })

  test('may change under way: the next token is good at once, the old ones for as long as they live', async () => {
    const house = await another()
    const before = await jobToken(driveway, audience)
    expect((await requestAsJob(house, before)).status).toBe(200)
    clock += 11_000
    await driveway.google.ci.rotate()
    const after = await jobToken(driveway, audience)
    for (const token of [after, before, after])
      expect((await requestAsJob(house, token)).status).toBe(200)
    expect(fetched()).toBe(2)
  })

  test('a flood of keys that nobody has makes no flood of fetches', async () => {
    const house = await another()
    const good = await jobToken(driveway, audience)
    expect((await requestAsJob(house, good)).status).toBe(200)
    clock += 11_000
    const bad = (): Promise<string> =>
      jobToken(driveway, audience, {}, { kid: randomBytes(20).toString('hex') })
    for (let round = 0; round < 4; round++) {
      const answers = await Promise.all(
        Array.from({ length: 25 }, async () => requestAsJob(house, await bad())),
      )
      for (const answer of answers) expect(codeOf(answer)).toBe('invalid_token')
      expect((await requestAsJob(house, good)).status).toBe(200)
    }
    expect(fetched()).toBe(2)
  })

  const redirect = { status: 302, headers: { location: '/ci/elsewhere' } }
  test.each<[string, Fault]>([
    ['an error', { operation: 'ci.jwks', status: 500 }],
    ['an error before it', { operation: 'ci.discovery', status: 500 }],
    ['a redirect', { operation: 'ci.jwks', ...redirect }],
    ['a redirect before it', { operation: 'ci.discovery', ...redirect }],
    ['a connection that breaks', { operation: 'ci.jwks', reset: true }],
    ['HTML', { operation: 'ci.jwks', status: 200, body: '<html>' }],
    ['null', { operation: 'ci.jwks', status: 200, body: 'null' }],
    ['no list', { operation: 'ci.jwks', status: 200, body: '{"keys":{}}' }],
    ['half of it', { operation: 'ci.jwks', answerBytes: 100 }],
    [
      'five megabytes',
      { operation: 'ci.jwks', status: 200, body: `{"keys":[]${' '.repeat(5e6)}}` },
    ],
    [
      'a thousand keys',
      { operation: 'ci.jwks', status: 200, body: `{"keys":[${Array(1_000).fill('{}').join()}]}` },
    ],
    [
      'another name',
      { operation: 'ci.discovery', status: 200, body: '{"issuer":"https://evil.example"}' },
    ],
    ['no address', { operation: 'ci.discovery', status: 200, body: '{"issuer":"ISSUER"}' }],
    [
      'an address elsewhere',
      {
        operation: 'ci.discovery',
        status: 200,
        body: '{"issuer":"ISSUER","jwks_uri":"http://127.0.0.1:9/jwks"}',
      },
    ],
    ['silence', { operation: 'ci.jwks', hang: 'headers' }],
    ['silence in the middle', { operation: 'ci.jwks', hang: 'body' }],
  ])('instead of them, %s: nobody is let in, and it passes', async (_, fault) => {
    const house = await another()
    const body = fault.body?.replace('ISSUER', driveway.google.ci.issuer)
    driveway.google.faults.add({ ...fault, ...(body === undefined ? {} : { body }) })
    const token = await jobToken(driveway, audience)
    const [first, second]: RawAnswer[] = [
      await requestAsJob(house, token),
      await requestAsJob(house, token),
    ]
    for (const answer of [first, second]) {
      expect([answer?.status, answer && codeOf(answer)]).toEqual([503, 'issuer_unavailable'])
      expect(Number(answer?.headers['retry-after'])).toBeGreaterThan(0)
    }
    // The second one was not even passed on.
    expect(driveway.google.calls.filter((call) => call === fault.operation)).toHaveLength(1)
    clock += 11_000
    const answer = await requestAsJob(house, await jobToken(driveway, audience))
    expect(answer.status).toBe(200)
  })

  test('that cannot be renewed count for an hour longer, and no more', async () => {
    const house = await another()
    await requestAsJob(house, await jobToken(driveway, audience))
    driveway.google.faults.add({ operation: 'ci.jwks', times: 100, status: 500 })
    clock += 30 * 60_000
    expect((await requestAsJob(house, await jobToken(driveway, audience))).status).toBe(200)
    clock += 31 * 60_000
    expect(codeOf(await requestAsJob(house, await jobToken(driveway, audience)))).toBe(
      'issuer_unavailable',
    )
  })

  test('a key for something else than signatures is none', async () => {
    const house = await another()
    const { keys } = (await (await fetch(`${driveway.google.ci.issuer}/jwks`)).json()) as {
      keys: Record<string, unknown>[]
    }
    for (const change of [{ use: 'enc' }, { kty: 'oct', k: 'AAAA' }, { kid: undefined }]) {
      const body = JSON.stringify({ keys: keys.map((key) => ({ ...key, ...change })) })
      driveway.google.faults.add({ operation: 'ci.jwks', status: 200, body })
      clock += 11 * 60_000
      const answer = await requestAsJob(house, await jobToken(driveway, audience))
      expect([change, codeOf(answer)]).toEqual([change, 'invalid_token'])
    }
  })
})

test('a job’s token comes in the header and nowhere else (case 24)', async () => {
  const token = await jobToken(driveway, audience)
  for (const path of [`/files?access_token=${token}`, `/files?token=${token}`]) {
    expect(codeOf(await send(driveway.origin, path))).toBe('login_required')
  }
  const cookie = `__session=${token}`
  expect(codeOf(await send(driveway.origin, '/files', { headers: { cookie } }))).toBe(
    'login_required',
  )
  expect(driveway.lines.join('')).not.toContain(token.slice(0, 40))
})

test('no refusal was our own fault', () => {
  const all = [driveway, ...cold].flatMap(({ logs }) => logs)
  expect(all.filter(({ severity }) => severity === 'ERROR')).toEqual([])
})
