/** Causes each common misconfiguration: the doctor reports its cause, fix and command. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { publicChecks, readConsent } from '../../../infra/doctor/public-checks.ts'
import { corsChecks } from '../../../infra/doctor/cors-checks.ts'
import { operatorChecks } from '../../../infra/doctor/operator-checks.ts'
import type { TargetOptions } from '../../../infra/doctor/target.ts'
import { uploadChecks } from '../../../infra/doctor/upload-checks.ts'
import { mintToken, signIn } from '../../../infra/local/sign-in.ts'
import { newKeyring } from '../../../infra/sandbox/keyring.ts'
import { allowedOrigin, startTestDeployment, runNamedCheck, serverCheckOutcome } from './fixture.ts'
import type { TestDeployment } from './fixture.ts'
import { listen, startDriveway } from '../../kit/environment.ts'
import type { DrivewayOptions } from '../../kit/environment.ts'
import { replaceDocument } from '../../kit/firestore-documents.ts'

let deployment: TestDeployment
let started: TestDeployment | undefined

async function deploy(options?: DrivewayOptions): Promise<TestDeployment> {
  deployment = started = await startTestDeployment(options)
  return deployment
}
afterEach(async () => {
  await started?.close()
  started = undefined
})

/** Matches a failure whose three texts contain these words. */
function failureWith(cause: string, fix: string, command: string): unknown {
  return {
    ok: false,
    cause: expect.stringContaining(cause),
    fix: expect.stringContaining(fix),
    command: expect.stringContaining(command),
  }
}

const checks = [...publicChecks, ...corsChecks, ...operatorChecks, ...uploadChecks]

/** Returns the outcome of one check, of the doctor or of the server. */
async function outcomeOf(name: string, more?: Partial<TargetOptions>): Promise<unknown> {
  const target = deployment.target(more)
  return checks.some((check) => check.name === name)
    ? runNamedCheck(checks, name, target)
    : serverCheckOutcome(name, target)
}

const respondWith =
  (status: number, body = '', headers = {}) =>
  (_: IncomingMessage, res: ServerResponse): boolean => {
    res.writeHead(status, headers).end(body)
    return true
  }

const inAnHour = (): number => Date.now() + 3_600_000

const version = (number: string): string =>
  `projects/sandbox/secrets/driveway-client/versions/${number}`

/** A redirect response of Google's authorization endpoint. */
const redirectTo = (location: string): Parameters<typeof readConsent>[0] => ({
  status: 302,
  headers: { location },
  body: Buffer.from(''),
})

describe('The public checks, and checks through the front end', () => {
  let shared: TestDeployment
  beforeAll(async () => {
    shared = await startTestDeployment()
  })
  beforeEach(() => {
    deployment = shared
  })
  afterEach(() => {
    shared.frontEnd.intercept = undefined
    shared.driveway.google.faults.clear()
  })
  afterAll(() => shared.close())

  test('Reachable fails when no server listens at the URL', async () => {
    expect(await outcomeOf('Reachable', { url: 'http://127.0.0.1:1' })).toEqual(
      failureWith('ECONNREFUSED', 'published', 'firebase hosting:sites:list'),
    )
  })

  test('Reachable fails for an HTTP URL', async () => {
    expect(await outcomeOf('Reachable', { url: 'http://drive.example' })).toEqual(
      failureWith('not HTTPS', 'HTTPS URL', 'https://drive.example'),
    )
  })

  test('Reachable fails when the function is not public', async () => {
    deployment.frontEnd.intercept = respondWith(403, '<html>Forbidden')
    expect(await outcomeOf('Reachable')).toEqual(
      failureWith('not public', 'Make it public', 'npm run setup'),
    )
  })

  test('Reachable fails when Hosting does not forward /auth', async () => {
    deployment.frontEnd.intercept = respondWith(200, '<html>', { 'content-type': 'text/html' })
    expect(await outcomeOf('Reachable')).toEqual(
      failureWith('not from Driveway', 'rewrites', 'npm run setup'),
    )
  })

  test('Reachable fails when the function does not start', async () => {
    deployment.frontEnd.intercept = respondWith(503, 'Service Unavailable')
    expect(await outcomeOf('Reachable')).toEqual(
      failureWith('does not start', 'setting', 'gcloud logging read'),
    )
  })

  test('Web page fails when the page is not published', async () => {
    deployment.frontEnd.intercept = respondWith(404, 'Not found')
    expect(await outcomeOf('Web page')).toEqual(failureWith('no page', 'Publish', 'npm run setup'))
  })

  test('PUBLIC_URL fails when it differs from the URL of the browser', async () => {
    const url = deployment.url.replace('127.0.0.1', 'localhost')
    expect(await outcomeOf('PUBLIC_URL', { url })).toEqual(
      failureWith(deployment.url, 'Open', `--url=${url}`),
    )
  })

  test('Local clock fails when this machine is an hour ahead', async () => {
    expect(await outcomeOf('Local clock', { now: inAnHour })).toEqual(
      failureWith('ahead', 'NTP', 'timedatectl'),
    )
  })

  test('Redirect URI and OAuth client fail when the OAuth client is deleted', async () => {
    await deploy()
    const { google } = deployment.driveway
    await google.oauth.control({ action: 'deleteClient', client_id: google.clientId })
    expect(await outcomeOf('Redirect URI')).toEqual(
      failureWith('no client', 'Create a client', '--client='),
    )
    expect(await outcomeOf('OAuth client')).toEqual(
      failureWith('no client', 'Create a client', '--client='),
    )
  })

  test('Allowed origin fails for an origin that is not in ALLOWED_ORIGINS', async () => {
    expect(await outcomeOf('Allowed origin', { allowedOrigin: 'https://other.example' })).toEqual(
      failureWith('is not allowed', 'Add it', 'ALLOWED_ORIGINS=https://other.example'),
    )
    expect(await outcomeOf('Allowed origin', { allowedOrigin })).toEqual({ ok: true })
  })

  test('Unlisted origin fails when a front end allows every origin', async () => {
    deployment.frontEnd.intercept = respondWith(204, '', { 'access-control-allow-origin': '*' })
    expect(await outcomeOf('Unlisted origin')).toEqual(
      failureWith('Every origin', 'front end', 'grep'),
    )
  })

  test('Session cookie fails when a front end drops cookies', async () => {
    deployment.frontEnd.intercept = (req) => {
      delete req.headers.cookie
      return false
    }
    expect(await outcomeOf('Session cookie')).toEqual(
      failureWith('does not reach', 'rewrites', 'npm run setup'),
    )
  })

  test('Client address passes, and shows the address and the proxy, at both entrances', async () => {
    for (const name of ['Client address', 'Client address at the functions']) {
      expect(await outcomeOf(name)).toEqual({ ok: true, found: '127.0.0.1' })
    }
    expect(await outcomeOf('Client address at the functions', { functionUrl: undefined })).toEqual({
      ok: undefined,
      reason: expect.stringContaining('--function-url'),
    })
  })

  test('Measured request limit and the raw upload fail when a front end limits requests more than announced', async () => {
    deployment.frontEnd.intercept = (req, res) => {
      if (Number(req.headers['content-length'] ?? 0) < 32 * 1024 * 1024) return false
      req.resume().on('end', () => respondWith(413, 'Too large')(req, res))
      return true
    }
    expect(await outcomeOf('Measured request limit')).toEqual(
      failureWith('announces no limit', 'several', 'MAX_REQUEST_BYTES=33554432'),
    )
    expect(await outcomeOf('Upload by raw, 33 MiB')).toEqual(
      failureWith('smaller than', '32 MiB', 'MAX_REQUEST_BYTES=33554432'),
    )
  })

  test('an upload check fails when Drive is full', async () => {
    deployment.driveway.google.faults.add({
      operation: 'drive.upload*',
      times: 9,
      status: 403,
      body: JSON.stringify({ error: { code: 403, errors: [{ reason: 'storageQuotaExceeded' }] } }),
    })
    expect(await outcomeOf('Upload by tus, 1 byte')).toEqual(
      failureWith('full', 'storage', 'npm run doctor'),
    )
  })
})

describe('The operator', () => {
  test('Operator fails, and the endpoints return 404, for an account that is not an operator', async () => {
    await deploy({ env: { OPERATORS: 'other@example.com' } })
    expect(await outcomeOf('Operator')).toEqual(
      failureWith('not an operator', 'OPERATORS', '--set=OPERATORS='),
    )
    expect((await deployment.target().requestAsOperator('/auth/doctor')).status).toBe(404)
    expect(
      (await deployment.target().requestAsOperator('/auth/doctor/files/x', { method: 'DELETE' }))
        .status,
    ).toBe(404)
  })

  test('GET /auth/doctor refuses another account, a restricted token and an invalid token', async () => {
    await deploy()
    const other = await mintToken(
      deployment.url,
      await signIn(deployment.url, 'ben@example.com'),
      'x',
    )
    expect(
      (await deployment.target({ token: other }).requestAsOperator('/auth/doctor')).status,
    ).toBe(404)
    expect(
      (await deployment.target({ token: 'dw_no' }).requestAsOperator('/auth/doctor')).status,
    ).toBe(401)
    expect(await outcomeOf('Operator', { token: 'dw_no' })).toEqual(
      failureWith('is rejected', 'new token', 'DRIVEWAY_TOKEN='),
    )
    const cookie = await signIn(deployment.url, 'ada@example.com')
    const created = await fetch(`${deployment.url}/auth/tokens`, {
      method: 'POST',
      headers: { cookie, origin: deployment.url, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'less', scopes: ['upload'] }),
    })
    const { token } = (await created.json()) as { token: string }
    expect((await deployment.target({ token }).requestAsOperator('/auth/doctor')).status).toBe(404)
  })

  test('DELETE /auth/doctor/files/{id} returns 404 for a file that the doctor did not upload', async () => {
    await deploy()
    const target = deployment.target()
    const uploaded = await target.requestAsOperator('/upload/mine.txt', {
      method: 'PUT',
      body: 'mine',
    })
    const { id } = JSON.parse(uploaded.body.toString()) as { id: string }
    const path = `/auth/doctor/files/${id}`
    expect((await target.requestAsOperator(path, { method: 'DELETE' })).status).toBe(404)
    expect((await target.requestAsOperator(`/files/${id}`)).status).toBe(200)
  })
})

describe('The server checks', () => {
  test('the secret checks fail when a version is disabled, destroyed or unreadable', async () => {
    await deploy()
    const { secrets, faults } = deployment.driveway.google
    secrets.disable('driveway-client', 1)
    expect(await outcomeOf('Client secret')).toEqual(
      failureWith(
        'disabled',
        'Enable',
        'gcloud secrets versions enable 1 --secret=driveway-client',
      ),
    )
    secrets.destroy('driveway-keyring', 1)
    expect(await outcomeOf('Keyring secret')).toEqual(
      failureWith('destroyed', 'new version', 'npm run setup'),
    )
    secrets.enable('driveway-client', 1)
    const denied = { code: 403, status: 'PERMISSION_DENIED', message: 'Permission denied' }
    faults.add({
      operation: 'secrets.access',
      times: 99,
      status: 403,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ error: denied }),
    })
    expect(await outcomeOf('Client secret')).toEqual(
      failureWith('may not read', 'role', 'secretmanager.secretAccessor'),
    )
  })

  test('Sign-in redirect fails when the client secret is disabled', async () => {
    await deploy({ isSignedIn: false })
    deployment.driveway.google.secrets.disable('driveway-client', 1)
    expect(await outcomeOf('Sign-in redirect')).toEqual(
      failureWith('secret', 'log', 'gcloud logging read'),
    )
  })

  test('the secret checks fail for a version that is not pinned and for a destroyed one', async () => {
    await deploy({ env: { CLIENT_SECRET_NAME: version('latest') } })
    expect(await outcomeOf('Client secret')).toEqual(
      failureWith('not a pinned version', 'number', 'npm run setup'),
    )
    await deployment.close()
    await deploy({ env: { CLIENT_SECRET_NAME: version('1') } })
    deployment.driveway.google.secrets.destroy('driveway-client', 1)
    expect(await outcomeOf('OAuth client')).toEqual(
      failureWith('cannot be read', 'first', '--client='),
    )
  })

  test('OAuth client fails when the client secret is replaced', async () => {
    await deploy()
    const { google } = deployment.driveway
    const { clientId: id, clientSecret: remove } = google
    await google.oauth.control({ action: 'rotateSecret', client_id: id, add: 'GOCSPX-new', remove })
    expect(await outcomeOf('OAuth client')).toEqual(
      failureWith('does not accept', 'secret', '--client='),
    )
  })

  test('Firestore fails without permission and without a database', async () => {
    await deploy()
    const failCommit = (code: number, status: string): void =>
      deployment.driveway.google.faults.add({
        operation: 'firestore.commit',
        times: 99,
        status: code,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ error: { code, status, message: status } }),
      })
    failCommit(403, 'PERMISSION_DENIED')
    expect(await outcomeOf('Firestore')).toEqual(
      failureWith('may not read', 'role', 'roles/datastore.user'),
    )
    deployment.driveway.google.faults.clear()
    failCommit(404, 'NOT_FOUND')
    expect(await outcomeOf('Firestore')).toEqual(
      failureWith('no database', 'Create the database', 'npm run setup'),
    )
  })

  test('TTL fails when a document that expired long ago still exists', async () => {
    await deploy()
    await replaceDocument(
      deployment.driveway.google,
      'projects/sandbox/databases/(default)/documents/singleUse/old',
      { expiresAt: { timestampValue: '2020-01-01T00:00:00Z' } },
    )
    expect(await outcomeOf('TTL')).toEqual(
      failureWith('singleUse', 'policy', '--collection-group=singleUse --enable-ttl'),
    )
  })

  test('Consent screen fails when it is in Testing', async () => {
    await deploy({ google: { oauth: { refreshTokenTtlMs: 7 * 86_400_000 } } })
    expect(await outcomeOf('Consent screen')).toEqual(
      failureWith('Testing', 'Publish', 'npm run doctor'),
    )
  })

  test('Grant fails when Google granted fewer scopes, and when the grant is revoked', async () => {
    await deploy()
    expect(await serverOutcomeWith({ ACCESS_PROFILE: 'full' }, 'Grant')).toEqual(
      failureWith('auth/drive', 'every box', 'npm run doctor'),
    )
    expect(await outcomeOf('Grant')).toEqual({ ok: true, found: expect.any(String) })
    const { google, sub } = deployment.driveway
    await google.oauth.control({ action: 'revoke', sub })
    expect(await outcomeOf('Drive API')).toMatchObject({ ok: false, command: 'npm run doctor' })
    expect(await outcomeOf('Grant')).toEqual(failureWith('', 'reconnect', 'npm run doctor'))
  })

  test('Drive API fails when it is not enabled', async () => {
    await deploy()
    deployment.driveway.google.faults.add({
      operation: 'drive.*',
      times: 99,
      status: 403,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        error: { code: 403, message: 'off', errors: [{ reason: 'accessNotConfigured' }] },
      }),
    })
    expect(await outcomeOf('Drive API')).toEqual(
      failureWith('not enabled', 'Enable', 'gcloud services enable drive.googleapis.com'),
    )
  })

  test('Clock, Memory and Request limit fail for a wrong clock and for too large settings', async () => {
    await deploy({
      gateway: { now: () => Date.now() - 300_000 },
      env: { MEMORY_BYTES: '999999999', MAX_REQUEST_BYTES: '99999999' },
    })
    expect(await outcomeOf('Clock')).toEqual(failureWith('behind', 'NTP', 'timedatectl'))
    expect(await outcomeOf('Memory')).toEqual(
      failureWith('MEMORY_BYTES', 'out', '--set=MEMORY_BYTES='),
    )
    expect(await outcomeOf('Request limit')).toEqual(
      failureWith('32 MiB', 'out', '--set=MAX_REQUEST_BYTES='),
    )
  })
})

describe('Secrets with invalid content', () => {
  test('Client file fails for a desktop client and for a client without the redirect URI', async () => {
    await deploy()
    const { google } = deployment.driveway
    google.secrets.set('driveway-other', '{"installed":{"client_id":"x"}}')
    const name = google.secrets.set(
      'driveway-other',
      JSON.stringify({ web: { client_id: 'x', client_secret: 'y', redirect_uris: [] } }),
    )
    const env = { CLIENT_SECRET_NAME: name.replace(/\d+$/, '1') }
    expect(await serverOutcomeWith(env, 'Client file')).toEqual(
      failureWith('not the JSON file', 'Download', '--client='),
    )
    expect(await serverOutcomeWith({ CLIENT_SECRET_NAME: name }, 'Client file')).toEqual(
      failureWith('does not list', 'Register', '--client='),
    )
  })

  test('Keyring fails for a truncated key', async () => {
    await deploy()
    const { keys } = JSON.parse(newKeyring()) as { keys: { k: string }[] }
    const cut = JSON.stringify({ keys: keys.map((key) => ({ ...key, k: key.k.slice(0, 20) })) })
    const name = deployment.driveway.google.secrets.set('driveway-keyring', cut)
    expect(await serverOutcomeWith({ KEYRING_SECRET_NAME: name }, 'Keyring')).toEqual(
      failureWith('must be a 256-bit', 'whole', 'gcloud secrets versions list'),
    )
  })
})

/** Runs a server check on a second gateway with other settings and the same Google. */
async function serverOutcomeWith(env: Record<string, string>, name: string): Promise<unknown> {
  const sharing = await startDriveway({
    sharing: deployment.driveway,
    env: { OPERATORS: 'ada@example.com', ...env },
  })
  try {
    return await serverCheckOutcome(name, deployment.target({ url: sharing.origin }))
  } finally {
    await sharing.close()
  }
}

/** Appends addresses to X-Forwarded-For, as front ends do. */
const append =
  (...addresses: string[]) =>
  ({ headers }: IncomingMessage): false => {
    headers['x-forwarded-for'] = [headers['x-forwarded-for'], ...addresses].join(', ')
    return false
  }

/** Starts the functions' own entrance, whose platform appends the address of the client. */
async function startFunctions(client: string): Promise<{ url: string; close(): void }> {
  const server = createServer((req, res) => {
    append(client)(req)
    void deployment.driveway.gateway.all(req, res)
  })
  const url = await listen(server)
  return { url, close: () => server.close().closeAllConnections() }
}

describe('The client address behind front ends', () => {
  test('Client address fails when a client can choose it', async () => {
    await deploy({ env: { TRUSTED_PROXIES: 'loopback' } })
    expect(await outcomeOf('Client address')).toEqual(
      failureWith('own X-Forwarded-For', 'front ends only', 'TRUSTED_PROXIES='),
    )
  })

  test('both entrances show the client when its front ends are trusted', async () => {
    await deploy({ env: { TRUSTED_PROXIES: 'loopback google' } })
    deployment.frontEnd.intercept = append('203.0.113.7', '35.191.0.9')
    const functions = await startFunctions('203.0.113.7')
    expect(await outcomeOf('Client address')).toEqual({
      ok: true,
      found: '203.0.113.7 behind 35.191.0.9',
    })
    const target = { functionUrl: functions.url }
    expect(await outcomeOf('Client address at the functions', target)).toEqual({
      ok: true,
      found: '203.0.113.7',
    })
    functions.close()
  })

  test('Client address at the functions fails when a front end counts as the client', async () => {
    await deploy({ env: { TRUSTED_PROXIES: 'loopback' } })
    deployment.frontEnd.intercept = append('203.0.113.7', '35.191.0.9')
    const functions = await startFunctions('203.0.113.7')
    const target = { functionUrl: functions.url }
    expect(await outcomeOf('Client address at the functions', target)).toEqual(
      failureWith('sees 35.191.0.9 through', 'network of the front end', 'fastly 35.191.0.9'),
    )
    functions.close()
  })
})

describe('readConsent()', () => {
  const authorizationUrl = new URL(
    'https://accounts.google.com/?redirect_uri=https://d.example/callback',
  )

  test('readConsent() reports an unregistered redirect URI from an error page', async () => {
    await deploy({ isSignedIn: false })
    const { google } = deployment.driveway
    const location = (await deployment.target().request('/auth')).headers.location ?? ''
    const wrongUri = new URL(location)
    wrongUri.searchParams.set('redirect_uri', `${deployment.url}/callback/`)
    const errorPage = await fetch(wrongUri, { redirect: 'manual' })
    const body = Buffer.from(await errorPage.text())
    expect(readConsent({ status: errorPage.status, headers: {}, body }, wrongUri, 'p')).toEqual(
      failureWith('not registered', `${deployment.url}/callback/`, 'npm run doctor'),
    )
    expect(location.startsWith(google.url)).toBe(true)
  })

  test('readConsent() reports an unregistered redirect URI from a redirect, and accepts a sign-in page', () => {
    const authError = Buffer.from('\n\u0015redirect_uri_mismatch\u0012').toString('base64')
    const location = `https://accounts.google.com/signin/oauth/error?authError=${encodeURIComponent(authError)}`
    expect(readConsent(redirectTo(location), authorizationUrl, 'p')).toEqual(
      failureWith('not registered', 'https://d.example/callback', 'npm run doctor'),
    )
    expect(
      readConsent(
        redirectTo('https://accounts.google.com/v3/signin/identifier'),
        authorizationUrl,
        'p',
      ),
    ).toEqual({
      ok: true,
    })
  })
})
