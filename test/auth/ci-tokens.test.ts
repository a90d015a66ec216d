/** Verification of the OIDC tokens of CI jobs, and faults of their issuers. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import { createHmac, randomBytes } from 'node:crypto'
import type { GatewayTimeouts } from '../../functions/app/gateway.ts'
import type { Fault } from '../../infra/sandbox/faults.ts'
import { problemCode, send, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'
import { requestAsJob, jobToken, setPolicy } from '../kit/policies.ts'

let driveway: Driveway
/** Gateways with an empty JWKS cache. */
const coldGateways: Driveway[] = []
let audience = ''
let clock = 0
const now = (): number => Date.now() + clock
/** The timeouts of the cold gateways; the defaults unless a test sets them. */
const timeouts: GatewayTimeouts = {}

beforeAll(async () => {
  driveway = await startDriveway({ gateway: { now }, google: { ci: { now } } })
  audience = (await setPolicy(driveway, 'deploy')).audience
})
afterAll(async () => {
  for (const gateway of coldGateways) await gateway.close()
  await driveway.close()
})
beforeEach(() => {
  driveway.google.calls.length = 0
})
afterEach(() => {
  driveway.google.faults.clear()
  delete timeouts.jwks
})

async function startColdGateway(env: Record<string, string> = {}): Promise<Driveway> {
  const gateway = await startDriveway({ sharing: driveway, env, gateway: { now, timeouts } })
  coldGateways.push(gateway)
  return gateway
}

const jwksFetches = (): number => driveway.google.calls.filter((call) => call === 'ci.jwks').length
const secondsFromNow = (from: number): number => Math.floor(now() / 1000) + from

async function expectRefused(
  token: string | Promise<string>,
  code = 'invalid_token',
): Promise<void> {
  const response = await requestAsJob(driveway, await token)
  expect([response.status, problemCode(response)]).toEqual([401, code])
  expect(response.headers['www-authenticate']).toMatch(/^Bearer .*error="invalid_token"/)
}

describe('the times of a token', () => {
  test.each<[string, Record<string, unknown> | (() => Record<string, unknown>)]>([
    [
      'has expired',
      () => ({ iat: secondsFromNow(-700), nbf: secondsFromNow(-700), exp: secondsFromNow(-61) }),
    ],
    ['is not valid yet', () => ({ nbf: secondsFromNow(90) })],
    ['was issued in the future', () => ({ iat: secondsFromNow(90), nbf: null })],
    [
      'was issued long ago and expires late',
      () => ({ iat: secondsFromNow(-7 * 3600), nbf: null, exp: secondsFromNow(9e6) }),
    ],
    ['has no exp', { exp: null }],
    ['has no iat', { iat: null, nbf: null }],
    ['has an exp that is a string', { exp: 'never' }],
    ['has an iat that is a string', { iat: 'now' }],
  ])('A token that %s is rejected', async (_, claims) => {
    await expectRefused(
      jobToken(driveway, audience, typeof claims === 'function' ? claims() : claims),
    )
  })

  test.each<[string, () => Record<string, unknown>]>([
    [
      'expired half a minute ago',
      () => ({ iat: secondsFromNow(-600), nbf: secondsFromNow(-600), exp: secondsFromNow(-30) }),
    ],
    [
      'issued half a minute in the future',
      () => ({ iat: secondsFromNow(30), nbf: secondsFromNow(30), exp: secondsFromNow(600) }),
    ],
    ['without nbf', () => ({ nbf: null })],
    [
      'issued five hours ago that expires late',
      () => ({ iat: secondsFromNow(-5 * 3600), nbf: null, exp: secondsFromNow(9e6) }),
    ],
  ])('A token %s is accepted', async (_, claims) => {
    const response = await requestAsJob(driveway, await jobToken(driveway, audience, claims()))
    expect(response.status).toBe(200)
  })
})

describe('the issuer and the audience of a token', () => {
  test.each<[string, Record<string, unknown>, string]>([
    ['another issuer', { iss: 'https://token.actions.githubusercontent.com' }, 'invalid_token'],
    ['the issuer with a trailing slash', { iss: 'SLASH' }, 'invalid_token'],
    ['no issuer', { iss: null }, 'wrong_audience'],
    ['an issuer that is a list', { iss: ['x'] }, 'wrong_audience'],
    ['Google', { iss: 'https://accounts.google.com' }, 'wrong_audience'],
    ['Google’s former issuer', { iss: 'accounts.google.com' }, 'wrong_audience'],
    ['no audience', { aud: null }, 'invalid_token'],
    ['an empty list of audiences', { aud: [] }, 'invalid_token'],
    ['two audiences', { aud: ['AUDIENCE', 'https://evil.example'] }, 'invalid_token'],
    ['an audience that is a number', { aud: 7 }, 'invalid_token'],
  ])('A token with %s is rejected', async (_, claims, code) => {
    const text = JSON.stringify(claims)
      .replace('SLASH', `${driveway.google.ci.issuer}/`)
      .replace('AUDIENCE', audience)
    const overrides = JSON.parse(text) as Record<string, unknown>
    await expectRefused(jobToken(driveway, audience, overrides), code)
  })

  test('The gateway fetches no keys of an issuer that is not in OIDC_ISSUERS', async () => {
    const gateway = await startColdGateway({ OIDC_ISSUERS: 'none' })
    const response = await requestAsJob(gateway, await jobToken(driveway, audience))
    expect([response.status, problemCode(response)]).toEqual([401, 'invalid_token'])
    expect(jwksFetches()).toBe(0)
  })
})

const payload = (): Record<string, unknown> => ({
  iss: driveway.google.ci.issuer,
  aud: audience,
  iat: secondsFromNow(0),
  exp: secondsFromNow(600),
  repository: 'me/app',
})
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
async function publishedKey(): Promise<{ kid: string; n: string }> {
  const response = await fetch(`${driveway.google.ci.issuer}/jwks`)
  const { keys } = (await response.json()) as { keys: { kid: string; n: string }[] }
  driveway.google.calls.length = 0
  if (!keys[0]) throw new Error('There is no key')
  return keys[0]
}

describe('the signature of a token', () => {
  test('A token with alg none in any case is rejected', async () => {
    const { kid } = await publishedKey()
    await expectRefused(new UnsecuredJWT(payload()).encode())
    for (const alg of ['none', 'None', 'NONE', 'nOnE', '']) {
      await expectRefused(`${encode({ alg, kid })}.${encode(payload())}.`)
      await expectRefused(`${encode({ alg, kid })}.${encode(payload())}.c2ln`)
    }
  })

  test('A token signed with the public key as an HS256 secret is rejected', async () => {
    const { kid, n } = await publishedKey()
    for (const secret of [n, Buffer.from(n, 'base64url'), JSON.stringify(await publishedKey())]) {
      const signed = `${encode({ alg: 'HS256', kid })}.${encode(payload())}`
      const signature = createHmac('sha256', secret).update(signed).digest('base64url')
      await expectRefused(`${signed}.${signature}`)
    }
  })

  test('A token signed by another key with the same kid, or with an embedded key, is rejected', async () => {
    const { kid } = await publishedKey()
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

  test('A token with a changed, truncated or foreign signature is rejected', async () => {
    const [token, other] = await Promise.all([
      jobToken(driveway, audience),
      jobToken(driveway, audience, { repository: 'me/other' }),
    ])
    const [head = '', body = '', signature = ''] = token.split('.')
    const [, otherBody = '', otherSignature = ''] = other.split('.')
    for (const tampered of [
      `${head}.${otherBody}.${signature}`,
      `${head}.${body}.${otherSignature}`,
      `${head}.${body}.${signature.slice(0, -4)}`,
      `${head}.${body}.`,
      `${head}.${body}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`,
    ]) {
      await expectRefused(tampered)
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

describe('the JWKS cache', () => {
  test('fetches keys once for concurrent requests and caches them for ten minutes', async () => {
    const gateway = await startColdGateway()
    const token = await jobToken(driveway, audience)
    const responses = await Promise.all(
      Array.from({ length: 50 }, () => requestAsJob(gateway, token)),
    )
    expect(responses.filter(({ status }) => status !== 200)).toEqual([])
    expect(jwksFetches()).toBe(1)
    clock += 9 * 60_000
    await requestAsJob(gateway, await jobToken(driveway, audience))
    expect(jwksFetches()).toBe(1)
    clock += 2 * 60_000
    await requestAsJob(gateway, await jobToken(driveway, audience))
    expect(jwksFetches()).toBe(2)
  })

  test('accepts a rotated key immediately and the old key until its tokens expire', async () => {
    const gateway = await startColdGateway()
    const before = await jobToken(driveway, audience)
    expect((await requestAsJob(gateway, before)).status).toBe(200)
    clock += 11_000
    await driveway.google.ci.rotate()
    const after = await jobToken(driveway, audience)
    for (const token of [after, before, after])
      expect((await requestAsJob(gateway, token)).status).toBe(200)
    expect(jwksFetches()).toBe(2)
  })

  test('limits fetches for unknown key ids', async () => {
    const gateway = await startColdGateway()
    const good = await jobToken(driveway, audience)
    expect((await requestAsJob(gateway, good)).status).toBe(200)
    clock += 11_000
    const bad = (): Promise<string> =>
      jobToken(driveway, audience, {}, { kid: randomBytes(20).toString('hex') })
    for (let round = 0; round < 4; round++) {
      const responses = await Promise.all(
        Array.from({ length: 25 }, async () => requestAsJob(gateway, await bad())),
      )
      for (const response of responses) expect(problemCode(response)).toBe('invalid_token')
      expect((await requestAsJob(gateway, good)).status).toBe(200)
    }
    expect(jwksFetches()).toBe(2)
  })

  const redirect = { status: 302, headers: { location: '/ci/elsewhere' } }
  test.each<[string, Fault]>([
    ['a 500 of the JWKS', { operation: 'ci.jwks', status: 500 }],
    ['a 500 of the discovery document', { operation: 'ci.discovery', status: 500 }],
    ['a redirect of the JWKS', { operation: 'ci.jwks', ...redirect }],
    ['a redirect of the discovery document', { operation: 'ci.discovery', ...redirect }],
    ['a connection reset', { operation: 'ci.jwks', reset: true }],
    ['HTML', { operation: 'ci.jwks', status: 200, body: '<html>' }],
    ['null', { operation: 'ci.jwks', status: 200, body: 'null' }],
    ['a JWKS without a list', { operation: 'ci.jwks', status: 200, body: '{"keys":{}}' }],
    ['a truncated JWKS', { operation: 'ci.jwks', responseBytes: 100 }],
    [
      'a JWKS of 5 MB',
      { operation: 'ci.jwks', status: 200, body: `{"keys":[]${' '.repeat(5e6)}}` },
    ],
    [
      'a JWKS of 1,000 keys',
      { operation: 'ci.jwks', status: 200, body: `{"keys":[${Array(1_000).fill('{}').join()}]}` },
    ],
    [
      'another issuer in the discovery document',
      { operation: 'ci.discovery', status: 200, body: '{"issuer":"https://evil.example"}' },
    ],
    [
      'a discovery document without jwks_uri',
      { operation: 'ci.discovery', status: 200, body: '{"issuer":"ISSUER"}' },
    ],
    [
      'a jwks_uri on another host',
      {
        operation: 'ci.discovery',
        status: 200,
        body: '{"issuer":"ISSUER","jwks_uri":"http://127.0.0.1:9/jwks"}',
      },
    ],
    ['a timeout before the headers', { operation: 'ci.jwks', hang: 'headers' }],
    ['a timeout in the body', { operation: 'ci.jwks', hang: 'body' }],
  ])('After %s, requests get 503 issuer_unavailable until the fetch succeeds', async (_, fault) => {
    const gateway = await startColdGateway()
    const body = fault.body?.replace('ISSUER', driveway.google.ci.issuer)
    driveway.google.faults.add({ ...fault, ...(body === undefined ? {} : { body }) })
    if (fault.hang) timeouts.jwks = 200
    const token = await jobToken(driveway, audience)
    const [first, second]: RawResponse[] = [
      await requestAsJob(gateway, token),
      await requestAsJob(gateway, token),
    ]
    for (const response of [first, second]) {
      expect([response?.status, response && problemCode(response)]).toEqual([
        503,
        'issuer_unavailable',
      ])
      expect(Number(response?.headers['retry-after'])).toBeGreaterThan(0)
    }
    // The gateway does not repeat the fetch for the second request.
    expect(driveway.google.calls.filter((call) => call === fault.operation)).toHaveLength(1)
    clock += 11_000
    delete timeouts.jwks
    const response = await requestAsJob(gateway, await jobToken(driveway, audience))
    expect(response.status).toBe(200)
  })

  test('serves stale keys for one hour when the issuer is unavailable', async () => {
    const gateway = await startColdGateway()
    await requestAsJob(gateway, await jobToken(driveway, audience))
    driveway.google.faults.add({ operation: 'ci.jwks', times: 100, status: 500 })
    clock += 30 * 60_000
    expect((await requestAsJob(gateway, await jobToken(driveway, audience))).status).toBe(200)
    clock += 31 * 60_000
    expect(problemCode(await requestAsJob(gateway, await jobToken(driveway, audience)))).toBe(
      'issuer_unavailable',
    )
  })

  test('ignores a key that is not a signature key', async () => {
    const gateway = await startColdGateway()
    const { keys } = (await (await fetch(`${driveway.google.ci.issuer}/jwks`)).json()) as {
      keys: Record<string, unknown>[]
    }
    for (const change of [{ use: 'enc' }, { kty: 'oct', k: 'AAAA' }, { kid: undefined }]) {
      const body = JSON.stringify({ keys: keys.map((key) => ({ ...key, ...change })) })
      driveway.google.faults.add({ operation: 'ci.jwks', status: 200, body })
      clock += 11 * 60_000
      const response = await requestAsJob(gateway, await jobToken(driveway, audience))
      expect([change, problemCode(response)]).toEqual([change, 'invalid_token'])
    }
  })
})

test('A CI token in a query or in a cookie is not accepted', async () => {
  const token = await jobToken(driveway, audience)
  for (const path of [`/files?access_token=${token}`, `/files?token=${token}`]) {
    expect(problemCode(await send(driveway.origin, path))).toBe('login_required')
  }
  const cookie = `__session=${token}`
  expect(problemCode(await send(driveway.origin, '/files', { headers: { cookie } }))).toBe(
    'login_required',
  )
  expect(driveway.lines.join('')).not.toContain(token.slice(0, 40))
})

test('The suite logs no error of severity ERROR', () => {
  const all = [driveway, ...coldGateways].flatMap(({ logs }) => logs)
  expect(all.filter(({ severity }) => severity === 'ERROR')).toEqual([])
})
