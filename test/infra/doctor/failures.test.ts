/** What is usually wrong, done on purpose: the doctor finds each, with its cause and its mending. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { publicChecks, readConsent } from '../../../infra/doctor/public-checks.ts'
import { operatorChecks, corsChecks } from '../../../infra/doctor/cors-checks.ts'
import type { TargetOptions } from '../../../infra/doctor/target.ts'
import { uploadChecks } from '../../../infra/doctor/upload-checks.ts'
import { mintToken, signIn } from '../../../infra/local/sign-in.ts'
import { newKeyring } from '../../../infra/sandbox/keyring.ts'
import { page, startTestDeployment, runNamedCheck, serverCheckOutcome } from './fixture.ts'
import type { TestDeployment } from './fixture.ts'
import { startDriveway } from '../../kit/environment.ts'
import type { DrivewayOptions } from '../../kit/environment.ts'

let ward: TestDeployment
let last: TestDeployment | undefined

async function admit(options?: DrivewayOptions): Promise<TestDeployment> {
  ward = last = await startTestDeployment(options)
  return ward
}
afterEach(async () => {
  await last?.close()
  last = undefined
})

/** Something wrong, whose three parts have these words in them. */
function ill(cause: string, fix: string, command: string): unknown {
  return {
    ok: false,
    cause: expect.stringContaining(cause),
    fix: expect.stringContaining(fix),
    command: expect.stringContaining(command),
  }
}

const checks = [...publicChecks, ...corsChecks, ...operatorChecks, ...uploadChecks]

/** What is found by one check, from outside or else from within. */
async function found(name: string, more?: Partial<TargetOptions>): Promise<unknown> {
  const patient = ward.patient(more)
  return checks.some((check) => check.name === name)
    ? runNamedCheck(checks, name, patient)
    : serverCheckOutcome(name, patient)
}

const answering =
  (status: number, body = '', headers = {}) =>
  (_: IncomingMessage, res: ServerResponse): boolean => {
    res.writeHead(status, headers).end(body)
    return true
  }

const inAnHour = (): number => Date.now() + 3_600_000

const version = (number: string): string =>
  `projects/sandbox/secrets/driveway-client/versions/${number}`

/** A redirect, as Google's authorization endpoint answers. */
const to = (location: string): Parameters<typeof readConsent>[0] => ({
  status: 302,
  headers: { location },
  body: Buffer.from(''),
})

describe('at the door', () => {
  beforeEach(() => admit())

  test('nobody listens at the address', async () => {
    expect(await found('Reachable', { url: 'http://127.0.0.1:1' })).toEqual(
      ill('ECONNREFUSED', 'published', 'firebase hosting:sites:list'),
    )
  })

  test('http in place of https', async () => {
    expect(await found('Reachable', { url: 'http://drive.example' })).toEqual(
      ill('not https', 'https address', 'https://drive.example'),
    )
  })

  test('a function that is not public', async () => {
    ward.front.spoil = answering(403, '<html>Forbidden')
    expect(await found('Reachable')).toEqual(ill('not public', 'Let everybody', 'npm run setup'))
  })

  test('Hosting does not hand /auth on', async () => {
    ward.front.spoil = answering(200, '<html>', { 'content-type': 'text/html' })
    expect(await found('Reachable')).toEqual(ill('something else', 'rewrites', 'npm run setup'))
  })

  test('a function that does not start', async () => {
    ward.front.spoil = answering(503, 'Service Unavailable')
    expect(await found('Reachable')).toEqual(
      ill('does not start', 'setting', 'gcloud logging read'),
    )
  })

  test('the page was never published', async () => {
    ward.front.spoil = answering(404, 'Not found')
    expect(await found('The page')).toEqual(ill('no page', 'Publish', 'npm run setup'))
  })

  test('PUBLIC_URL is another address than the browser’s', async () => {
    const url = ward.url.replace('127.0.0.1', 'localhost')
    expect(await found('PUBLIC_URL', { url })).toEqual(ill(ward.url, 'Open', `--url=${url}`))
  })

  test('this machine’s clock is an hour ahead', async () => {
    expect(await found('Clocks', { now: inAnHour })).toEqual(ill('ahead', 'NTP', 'timedatectl'))
  })

  test('the OAuth client was deleted', async () => {
    const { google } = ward.driveway
    await google.oauth.control({ action: 'deleteClient', client_id: google.clientId })
    expect(await found('Redirect URI')).toEqual(ill('no client', 'Make one', '--client='))
    expect(await found('Client at Google')).toEqual(ill('no client', 'Make one', '--client='))
  })

  test('a page’s origin is not on the list', async () => {
    expect(await found('A page elsewhere', { page: 'https://other.example' })).toEqual(
      ill('not let in', 'List the origin', 'ALLOWED_ORIGINS=https://other.example'),
    )
    expect(await found('A page elsewhere', { page })).toEqual({ ok: true })
  })

  test('a front end that lets every page in', async () => {
    ward.front.spoil = answering(204, '', { 'access-control-allow-origin': '*' })
    expect(await found('A stranger’s page')).toEqual(ill('any site', 'front end', 'grep'))
  })

  test('a front end that keeps cookies', async () => {
    ward.front.spoil = (req) => {
      delete req.headers.cookie
      return false
    }
    expect(await found('Cookie')).toEqual(ill('does not arrive', 'rewrites', 'npm run setup'))
  })

  test('a front end that takes less than is said', async () => {
    ward.front.spoil = (req, res) => {
      if (Number(req.headers['content-length'] ?? 0) < 32 * 1024 * 1024) return false
      req.resume().on('end', () => answering(413, 'Too large')(req, res))
      return true
    }
    expect(await found('Body ceiling')).toEqual(
      ill('there is no ceiling', 'several', 'MAX_REQUEST_BYTES=33554432'),
    )
    expect(await found('Upload by raw, 33 MiB')).toEqual(
      ill('less in one request', '32 MiB', 'MAX_REQUEST_BYTES=33554432'),
    )
  })

  test('Drive is full', async () => {
    ward.driveway.google.faults.add({
      operation: 'drive.upload*',
      times: 9,
      status: 403,
      body: JSON.stringify({ error: { code: 403, errors: [{ reason: 'storageQuotaExceeded' }] } }),
    })
    expect(await found('Upload by tus, 1 byte')).toEqual(ill('full', 'room', 'npm run doctor'))
  })
})

describe('who asks', () => {
  test('an account that is no operator', async () => {
    await admit({ env: { OPERATORS: 'somebody@example.com' } })
    expect(await found('Operator')).toEqual(ill('no operator', 'OPERATORS', '--set=OPERATORS='))
    expect((await ward.patient().requestAsOperator('/auth/doctor')).status).toBe(404)
    expect(
      (await ward.patient().requestAsOperator('/auth/doctor/files/x', { method: 'DELETE' })).status,
    ).toBe(404)
  })

  test('another person, a token for less, and nobody at all', async () => {
    await admit()
    const other = await mintToken(ward.url, await signIn(ward.url, 'ben@example.com'), 'x')
    expect((await ward.patient({ token: other }).requestAsOperator('/auth/doctor')).status).toBe(
      404,
    )
    expect((await ward.patient({ token: 'dw_no' }).requestAsOperator('/auth/doctor')).status).toBe(
      401,
    )
    expect(await found('Operator', { token: 'dw_no' })).toEqual(
      ill('not taken', 'new token', 'DRIVEWAY_TOKEN='),
    )
    const cookie = await signIn(ward.url, 'ada@example.com')
    const made = await fetch(`${ward.url}/auth/tokens`, {
      method: 'POST',
      headers: { cookie, origin: ward.url, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'less', scopes: ['upload'] }),
    })
    const { token } = (await made.json()) as { token: string }
    expect((await ward.patient({ token }).requestAsOperator('/auth/doctor')).status).toBe(404)
  })

  test('what the doctor did not upload is not removed', async () => {
    await admit()
    const patient = ward.patient()
    const put = await patient.requestAsOperator('/upload/mine.txt', { method: 'PUT', body: 'mine' })
    const { id } = JSON.parse(put.body.toString()) as { id: string }
    const path = `/auth/doctor/files/${id}`
    expect((await patient.requestAsOperator(path, { method: 'DELETE' })).status).toBe(404)
    expect((await patient.requestAsOperator(`/files/${id}`)).status).toBe(200)
  })
})

describe('from within', () => {
  test('secrets: disabled, destroyed, and not to be read', async () => {
    await admit()
    const { secrets, faults } = ward.driveway.google
    secrets.disable('driveway-client', 1)
    expect(await found('Client secret')).toEqual(
      ill('disabled', 'Enable', 'gcloud secrets versions enable 1 --secret=driveway-client'),
    )
    secrets.destroy('driveway-keyring', 1)
    expect(await found('Keyring secret')).toEqual(ill('destroyed', 'anew', 'npm run setup'))
    secrets.enable('driveway-client', 1)
    const denied = { code: 403, status: 'PERMISSION_DENIED', message: 'Permission denied' }
    faults.add({
      operation: 'secrets.access',
      times: 99,
      status: 403,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ error: denied }),
    })
    expect(await found('Client secret')).toEqual(
      ill('may not read', 'role', 'secretmanager.secretAccessor'),
    )
  })

  test('a secret that no sign-in can do without, seen from outside', async () => {
    await admit({ signedIn: false })
    ward.driveway.google.secrets.disable('driveway-client', 1)
    expect(await found('A sign-in begins')).toEqual(ill('secret', 'log', 'gcloud logging read'))
  })

  test('a version that is not pinned, and one that is not there', async () => {
    await admit({ env: { CLIENT_SECRET_NAME: version('latest') } })
    expect(await found('Client secret')).toEqual(ill('no fixed version', 'number', 'npm run setup'))
    await ward.close()
    await admit({ env: { CLIENT_SECRET_NAME: version('1') } })
    ward.driveway.google.secrets.destroy('driveway-client', 1)
    expect(await found('Client at Google')).toEqual(ill('cannot be read', 'first', '--client='))
  })

  test('the client’s secret was replaced', async () => {
    await admit()
    const { google } = ward.driveway
    const { clientId: id, clientSecret: remove } = google
    await google.oauth.control({ action: 'rotateSecret', client_id: id, add: 'GOCSPX-new', remove })
    expect(await found('Client at Google')).toEqual(ill('does not take', 'secret', '--client='))
  })

  test('Firestore: not allowed in, and no database', async () => {
    await admit()
    const spoil = (code: number, status: string): void =>
      ward.driveway.google.faults.add({
        operation: 'firestore.commit',
        times: 99,
        status: code,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ error: { code, status, message: status } }),
      })
    spoil(403, 'PERMISSION_DENIED')
    expect(await found('Firestore')).toEqual(ill('may not read', 'role', 'roles/datastore.user'))
    ward.driveway.google.faults.clear()
    spoil(404, 'NOT_FOUND')
    expect(await found('Firestore')).toEqual(ill('no database', 'Make it', 'npm run setup'))
  })

  test('no TTL policy: what expired long ago is still there', async () => {
    await admit()
    const { url } = ward.driveway.google
    const name = 'projects/sandbox/databases/(default)/documents/logins/old'
    const written = await fetch(`${url}/v1/${name}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ fields: { expiresAt: { timestampValue: '2020-01-01T00:00:00Z' } } }),
    })
    expect(written.status).toBe(200)
    expect(await found('TTL')).toEqual(
      ill('logins', 'policy', '--collection-group=logins --enable-ttl'),
    )
  })

  test('the consent screen is in Testing', async () => {
    await admit({ google: { oauth: { refreshTokenLifetime: 7 * 86_400_000 } } })
    expect(await found('Consent screen')).toEqual(ill('Testing', 'Publish', 'npm run doctor'))
  })

  test('Google granted less than is asked for, and has ended it', async () => {
    await admit()
    expect(await insideOf({ ACCESS_PROFILE: 'full' }, 'Permission')).toEqual(
      ill('auth/drive', 'every box', 'npm run doctor'),
    )
    expect(await found('Permission')).toEqual({ ok: true, found: expect.any(String) })
    const { google, sub } = ward.driveway
    await google.oauth.control({ action: 'revoke', sub })
    expect(await found('Drive API')).toMatchObject({ ok: false, command: 'npm run doctor' })
    expect(await found('Permission')).toEqual(ill('', 'reconnect', 'npm run doctor'))
  })

  test('the Drive API is not enabled', async () => {
    await admit()
    ward.driveway.google.faults.add({
      operation: 'drive.*',
      times: 99,
      status: 403,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        error: { code: 403, message: 'off', errors: [{ reason: 'accessNotConfigured' }] },
      }),
    })
    expect(await found('Drive API')).toEqual(
      ill('not enabled', 'Enable', 'gcloud services enable drive.googleapis.com'),
    )
  })

  test('the server’s clock is off, and settings say more than there is', async () => {
    await admit({
      gateway: { now: () => Date.now() - 300_000 },
      env: { MEMORY_BYTES: '999999999', MAX_REQUEST_BYTES: '99999999' },
    })
    expect(await found('Clock')).toEqual(ill('behind', 'NTP', 'timedatectl'))
    expect(await found('Memory')).toEqual(ill('MEMORY_BYTES', 'out', '--set=MEMORY_BYTES='))
    expect(await found('Request ceiling')).toEqual(ill('32 MiB', 'out', '--set=MAX_REQUEST_BYTES='))
  })
})

describe('secrets of the wrong kind', () => {
  test('the file of a desktop client, or one without the redirect URI', async () => {
    await admit()
    const { google } = ward.driveway
    google.secrets.set('driveway-other', '{"installed":{"client_id":"x"}}')
    const name = google.secrets.set(
      'driveway-other',
      JSON.stringify({ web: { client_id: 'x', client_secret: 'y', redirect_uris: [] } }),
    )
    const env = { CLIENT_SECRET_NAME: name.replace(/\d+$/, '1') }
    expect(await insideOf(env, 'Client file')).toEqual(
      ill('not the JSON file', 'Download', '--client='),
    )
    expect(await insideOf({ CLIENT_SECRET_NAME: name }, 'Client file')).toEqual(
      ill('does not list', 'Register', '--client='),
    )
  })

  test('a keyring with half a key', async () => {
    await admit()
    const { keys } = JSON.parse(newKeyring()) as { keys: { k: string }[] }
    const cut = JSON.stringify({ keys: keys.map((key) => ({ ...key, k: key.k.slice(0, 20) })) })
    const name = ward.driveway.google.secrets.set('driveway-keyring', cut)
    expect(await insideOf({ KEYRING_SECRET_NAME: name }, 'Keyring')).toEqual(
      ill('no 256-bit', 'whole', 'gcloud secrets versions list'),
    )
  })
})

/** A second gateway at the same Google, with other settings. */
async function insideOf(env: Record<string, string>, name: string): Promise<unknown> {
  const beside = await startDriveway({
    beside: ward.driveway,
    env: { OPERATORS: 'ada@example.com', ...env },
  })
  try {
    return await serverCheckOutcome(name, ward.patient({ url: beside.origin }))
  } finally {
    await beside.close()
  }
}

describe('what Google’s authorization endpoint says', () => {
  const asked = new URL('https://accounts.google.com/?redirect_uri=https://d.example/callback')

  test('a redirect URI that is not registered, as the sandbox says it', async () => {
    await admit({ signedIn: false })
    const { google } = ward.driveway
    const location = (await ward.patient().request('/auth')).headers.location ?? ''
    const wrongUri = new URL(location)
    wrongUri.searchParams.set('redirect_uri', `${ward.url}/callback/`)
    const page400 = await fetch(wrongUri, { redirect: 'manual' })
    const body = Buffer.from(await page400.text())
    expect(readConsent({ status: page400.status, headers: {}, body }, wrongUri, 'p')).toEqual(
      ill('not registered', `${ward.url}/callback/`, 'npm run doctor'),
    )
    expect(location.startsWith(google.url)).toBe(true)
  })

  test('and as a redirect that hides it', () => {
    const hidden = Buffer.from('\n\u0015redirect_uri_mismatch\u0012').toString('base64')
    const location = `https://accounts.google.com/signin/oauth/error?authError=${encodeURIComponent(hidden)}`
    expect(readConsent(to(location), asked, 'p')).toEqual(
      ill('not registered', 'https://d.example/callback', 'npm run doctor'),
    )
    expect(readConsent(to('https://accounts.google.com/v3/signin/identifier'), asked, 'p')).toEqual(
      {
        ok: true,
      },
    )
  })
})
