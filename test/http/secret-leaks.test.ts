/** No log line, response or document contains a secret, after many failures. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { problemCode, filePart, form, send, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'
import {
  requestDeviceCode,
  decideDeviceRequest,
  showDeviceRequest,
  pollToken,
  postForm,
} from '../kit/device-flow.ts'
import { requestAsJob, jobToken, setPolicy } from '../kit/policies.ts'
import { approveConsent, startSignIn, completeSignIn, sessionSecret } from '../kit/sign-in.ts'

const clientSecret = 'GOCSPX-sandbox-0123456789abcdef'
const names = [
  'canary\u001b[31mred.txt',
  'canary\u2028line.txt',
  'canary\u2029para.txt',
  'canary\u0085next.txt',
  'canary\u009b31m.txt',
  'canary"quote\'.txt',
  'canary\u202egnp.exe',
]

let driveway: Driveway
/** Secrets that must not appear anywhere, with their kind. */
const canaries = new Map<string, string>()
const responses: { label: string; response: RawResponse }[] = []
/** Output of the process outside the log. */
const output: string[] = []

function addCanary(kind: string, secret: string | null | undefined): void {
  if (!secret || secret.length < 16) throw new Error(`Invalid ${kind}: "${secret}"`)
  canaries.set(secret, kind)
}

function record(label: string, response: RawResponse): RawResponse {
  responses.push({ label, response })
  return response
}

/** Signs in and adds all secrets of the sign-in to the canaries. */
async function signIn(
  label: string,
  options: Parameters<typeof addFault>[0] = {},
): Promise<string> {
  const started = await startSignIn(driveway)
  addCanary('state', started.state)
  addCanary('binding', started.cookie.split('.')[1])
  const query = await approveConsent(started)
  addCanary('code', query.get('code'))
  addFault(options)
  const first = record(label, await completeSignIn(driveway, query, started.cookie))
  record(`${label}, replayed`, await completeSignIn(driveway, query, started.cookie))
  record(`${label}, in another browser`, await completeSignIn(driveway, query))
  const cookie = (first.headers['set-cookie']?.[0] ?? '').split(';', 1)[0] ?? ''
  if (sessionSecret(cookie)) addCanary('session', sessionSecret(cookie))
  return cookie
}

function addFault(options: Record<string, unknown>): void {
  if (Object.keys(options).length > 0) {
    driveway.google.faults.add({ operation: 'oauth.token', ...options })
  }
}

/** Adds the tokens and verifiers in requests to Google to the canaries. */
function watchFetch(): () => void {
  const { fetch } = globalThis
  globalThis.fetch = async (input, init) => {
    const url = input instanceof Request ? input.url : String(input)
    const sent = new URLSearchParams(typeof init?.body === 'string' ? init.body : '')
    if (init?.body instanceof URLSearchParams) for (const [k, v] of init.body) sent.set(k, v)
    const response = await fetch(input, init)
    if (!url.endsWith('/token')) return response
    for (const name of ['code_verifier', 'refresh_token']) {
      if (sent.has(name)) addCanary(name, sent.get(name))
    }
    const text = await response
      .clone()
      .text()
      .catch(() => '')
    for (const [, name, value] of text.matchAll(/"(\w+_token)":"([^"]+)"/g)) {
      addCanary(name ?? '', value)
    }
    return response
  }
  return () => (globalThis.fetch = fetch)
}

beforeAll(async () => {
  driveway = await startDriveway({ isSignedIn: false, gateway: { chunkBytes: 262_144 } })
  const unwatch = watchFetch()
  const outs = [process.stdout, process.stderr] as const
  const writes = outs.map((out) => out.write.bind(out))
  for (const out of outs) {
    out.write = (text: string | Uint8Array) => {
      output.push(String(text))
      return true
    }
  }
  try {
    await runScenario()
  } finally {
    outs.forEach((out, index) => (out.write = writes[index] ?? out.write))
    unwatch()
  }
})
afterAll(() => driveway.close())

async function runScenario(): Promise<void> {
  const { google, origin } = driveway
  addCanary('client secret', clientSecret)
  const cookie = await signIn('a sign-in')
  const session = { cookie, origin }
  const json = { ...session, 'content-type': 'application/json' }
  // The only response that may contain the token.
  const created = await send(origin, '/auth/tokens', { method: 'POST', headers: json, body: '{}' })
  const { token } = JSON.parse(created.body) as { token: string }
  addCanary('token', token.slice(3))
  const bearer = { authorization: `Bearer ${token}` }

  const response400 = { status: 400, headers: { 'content-type': 'application/json' } }
  const echo = { error: 'invalid_request', error_description: `${clientSecret} ya29.canary-echoed` }
  addCanary('an echo', 'ya29.canary-echoed')
  await signIn('a token response that echoes the request', {
    ...response400,
    body: JSON.stringify(echo),
  })
  await signIn('a rejected authorization code', {
    ...response400,
    body: '{"error":"invalid_grant"}',
  })
  await signIn('a token response with an invalid error code', {
    ...response400,
    body: JSON.stringify({ error: `${clientSecret}\n{"severity":"ALERT"}` }),
  })
  await signIn('a token request with a reset connection', { reset: true })
  await signIn('a truncated token response', { responseBytes: 700 })
  await signIn('a forged ID token', { idTokenAlg: 'badSignature' })
  await signIn('another audience', { idToken: { aud: 'other' } })

  for (const name of names) {
    const boundary = 'b'
    const body = form(boundary, filePart(name.replace('"', '%22'), 'x'.repeat(300_000)))
    const headers = { ...bearer, 'content-type': `multipart/form-data; boundary=${boundary}` }
    for (const fault of [{}, { status: 403, body: `{"error":"${token}"}` }, { status: 404 }]) {
      google.faults.add({ operation: 'drive.upload.*', ...fault })
      record('an upload', await send(origin, '/upload', { method: 'POST', headers, body }))
      google.faults.clear()
    }
    record(
      'a search',
      await send(origin, `/files?q=${encodeURIComponent(name)}`, { headers: bearer }),
    )
  }
  const unusual: Record<string, string>[] = [
    { authorization: `bearer ${token} x` },
    { authorization: `Basic ${token}` },
    { cookie: `${cookie}; ${cookie}` },
    { cookie, origin: 'https://evil.example' },
    { ...bearer, traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` },
    { 'x-cloud-trace-context': `${token}/1;o=1`, 'user-agent': token },
  ]
  for (const headers of unusual)
    record('unusual headers', await send(origin, '/files', { headers }))
  for (const path of ['/files', '/auth', '/callback', '/upload', '/auth/session', '/nothing']) {
    const target = `${path}?access_token=${token}&code=${token}&state=${token}&q=%zz`
    record('secrets in a URL', await send(origin, target))
    record('secrets in a valid URL', await send(origin, target.slice(0, -6), { headers: bearer }))
  }
  record(
    'malformed JSON',
    await send(origin, '/auth/tokens', { method: 'POST', headers: json, body: token }),
  )

  await signInFromTerminal(session)
  await runCiJobs(session)

  google.faults.add({ operation: 'drive.files.list', status: 400, body: `{"error":"${token}"}` })
  record(
    'a Drive response that echoes the request',
    await send(origin, '/files', { headers: bearer }),
  )
  await google.oauth.control({ action: 'expireAccessTokens' })
  google.faults.add({ operation: 'oauth.refresh', status: 500, body: clientSecret })
  record('a failed refresh', await send(origin, '/files', { headers: bearer }))
  record('a refresh', await send(origin, '/files', { headers: bearer }))
  await google.oauth.control({ action: 'expireAccessTokens' })
  google.secrets.disable('driveway-client', 1)
  await google.oauth.control({ action: 'revoke', sub: driveway.sub })
  record('a revoked grant', await send(origin, '/files', { headers: bearer }))
  record(
    'a revoked grant in the session',
    await send(origin, '/auth/session', { headers: session }),
  )
  record('a sign-out', await send(origin, '/auth/session', { method: 'DELETE', headers: session }))
  record('a request after the sign-out', await send(origin, '/files', { headers: session }))
}

/** Device codes in the right and in wrong places. */
async function signInFromTerminal(session: Record<string, string>): Promise<void> {
  const { origin } = driveway
  const from = { 'user-agent': 'canary-agent/1.0' }
  const denied = await requestDeviceCode(driveway, { client_name: 'canary terminal' }, from)
  addCanary('device code', denied.device_code)
  record('a poll', await pollToken(driveway, denied))
  record('a poll too early', await pollToken(driveway, denied))
  await decideDeviceRequest({ origin, session }, denied.user_code, { approve: false })
  record('a poll after the denial', await pollToken(driveway, denied))
  const terminal = await requestDeviceCode(driveway, {}, from)
  addCanary('device code', terminal.device_code)
  record(
    'a pending device request',
    await showDeviceRequest({ origin, session }, terminal.user_code),
  )
  record('an approval', await decideDeviceRequest({ origin, session }, terminal.user_code))
  record('a second approval', await decideDeviceRequest({ origin, session }, terminal.user_code))
  const { access_token: token } = JSON.parse((await pollToken(driveway, terminal)).body) as {
    access_token: string
  }
  addCanary('token of a terminal', token.slice(3))
  record('a poll too late', await pollToken(driveway, terminal))
  const code = terminal.device_code
  const misplaced: [string, Record<string, string>][] = [
    [`/auth/device/${code}`, session],
    [`/files?device_code=${code}`, {}],
    [`/files/${code}`, { authorization: `Bearer ${token}` }],
    ['/files', { authorization: `Bearer ${code}` }],
    ['/files', { cookie: `__session=${code}` }],
  ]
  for (const [path, headers] of misplaced) record(path, await send(origin, path, { headers }))
  const fields = `grant_type=${code}&device_code=${token}`
  for (const path of ['/auth/device', '/auth/device/token', '/auth/tokens', '/upload']) {
    record('a form with codes in it', await postForm(driveway, path, fields))
  }
}

/** CI tokens: valid, invalid and in wrong places. */
async function runCiJobs(session: Record<string, string>): Promise<void> {
  const { origin, google } = driveway
  const { audience } = await setPolicy({ origin, session, google }, 'nightly')
  const validToken = await jobToken(driveway, audience)
  const invalidTokens = await Promise.all([
    jobToken(driveway, audience, { repository: 'canary/other', exp: 1 }),
    jobToken(driveway, audience, { repository: 'canary/other' }),
    jobToken(driveway, 'https://canary.example'),
    jobToken(driveway, audience, { iss: 'https://canary.example' }),
    jobToken(driveway, audience, {}, { kid: 'canary-key' }),
  ])
  for (const token of [validToken, ...invalidTokens, `${validToken}x`]) {
    addCanary('token of a job', token.split('.')[2])
    record('a job', await requestAsJob(driveway, token))
  }
  google.faults.add({
    operation: 'drive.files.list',
    status: 400,
    body: `{"error":"${validToken}"}`,
  })
  record(
    'a job with a Drive response that echoes the request',
    await requestAsJob(driveway, validToken),
  )
  const headers = { authorization: `Bearer ${validToken}`, 'content-type': 'application/json' }
  for (const path of [
    '/auth/tokens',
    '/auth/policies/x',
    `/files?token=${validToken}`,
    `/auth/${validToken}`,
  ]) {
    record(
      'a job with a token in other places',
      await send(origin, path, { method: 'PUT', headers, body: validToken }),
    )
  }
}

/** Returns the kinds of the canaries in a text. */
function canariesIn(text: string): string[] {
  return [...canaries].filter(([secret]) => text.includes(secret)).map(([, kind]) => kind)
}

test('the recorded requests cover every kind of secret and many problems', () => {
  const kinds = new Set(canaries.values())
  for (const kind of [
    'state',
    'binding',
    'code',
    'session',
    'token',
    'code_verifier',
    'access_token',
    'refresh_token',
    'id_token',
    'device code',
    'token of a terminal',
    'token of a job',
  ]) {
    expect([kind, kinds.has(kind)]).toEqual([kind, true])
  }
  expect(driveway.google.calls).toContain('drive.upload.chunk')
  expect(new Set(responses.map(({ response }) => problemCode(response))).size).toBeGreaterThan(15)
  expect(driveway.lines.length).toBeGreaterThan(50)
})

test('no log line contains a secret or a file name', () => {
  const log = driveway.lines.join('')
  expect(canariesIn(log)).toEqual([])
  expect(log).not.toMatch(/canary|upload_id|evil\.example|1\/\/0|ya29|GOCSPX/)
})

test('each event is one line without control characters', () => {
  for (const line of driveway.lines) {
    expect(line).toMatch(/^[^\n]+\n$/)
    expect(line).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]/)
    expect(JSON.parse(line)).toMatchObject({
      severity: expect.stringMatching(/^(INFO|NOTICE|WARNING|ERROR)$/),
      message: expect.any(String),
      // Several requests may have waited for the refresh that detects it.
      ...(line.includes('"grant_revoked"') ? {} : { requestId: expect.any(String) }),
    })
  }
})

test('the process writes nothing outside the log', () => {
  expect(output.filter((text) => !text.startsWith('sandbox: '))).toEqual([])
})

test('no response contains a secret, except the session cookie', () => {
  for (const { label, response } of responses) {
    const { 'set-cookie': cookie, ...headers } = response.headers
    void cookie
    expect([label, canariesIn(response.body), canariesIn(JSON.stringify(headers))]).toEqual([
      label,
      [],
      [],
    ])
    expect(response.body).not.toMatch(/upload_id|ya29|GOCSPX|node_modules|functions\/|\bat \w+ \(/)
  }
})

test('no failure is an internal error', () => {
  expect(driveway.logs.filter(({ severity }) => severity === 'ERROR')).toEqual([])
})

describe('the store', () => {
  test('contains no unencrypted secret', () => {
    const dump = JSON.stringify(driveway.google.firestore.dump())
    expect(dump.length).toBeGreaterThan(1_000)
    expect(canariesIn(dump)).toEqual([])
  })
})
