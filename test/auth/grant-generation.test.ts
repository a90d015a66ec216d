/** Credentials end with their grant: what was made before a disconnect is not accepted after the next sign-in. */
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { DocumentJson } from '../../infra/sandbox/firestore/index.ts'
import { problemCode, send, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'
import {
  decideDeviceRequest,
  oauthErrorOf,
  pollToken,
  requestDeviceCode,
} from '../kit/device-flow.ts'
import { replaceDocument } from '../kit/firestore-documents.ts'
import {
  authorizationCode,
  createCodeVerifier,
  exchangeCode,
  signInForPage,
} from '../kit/page-sign-in.ts'
import { jobToken, putPolicy, requestAsJob, setPolicy } from '../kit/policies.ts'
import { completeTicket, parseJson, requestTicket } from '../kit/requests.ts'
import {
  approveConsent,
  completeSignIn,
  signInAs,
  startSignIn,
  storedDocuments,
} from '../kit/sign-in.ts'
import { createBearer, postToken } from '../kit/tokens.ts'
import { createTusClient } from '../kit/tus.ts'
import { openConnection, problemCodeIn, requestHead, waitFor } from '../kit/upload.ts'

const page = 'https://app.example'
const env = { ALLOWED_ORIGINS: page, RETURN_URLS: `${page}/` }
let clock = 0
const gateway = { now: (): number => Date.now() + clock }
const driveway = await startDriveway({ env, gateway })
const { google, origin } = driveway
const instances: Driveway[] = []

afterEach(async () => {
  for (const instance of instances.splice(0)) await instance.close()
})
afterAll(() => driveway.close())
beforeEach(async () => {
  clock = 0
  google.faults.clear()
  for (const user of google.oauth.users) {
    await google.oauth.control({ action: 'revoke', sub: user.sub })
  }
  google.firestore.clear()
  await signInAgain()
})

async function signInAgain(): Promise<void> {
  const { cookie } = await signInAs(driveway)
  driveway.session = { cookie, origin }
}

async function disconnect(): Promise<void> {
  const headers = driveway.session
  const { status } = await send(origin, '/auth/grant', { method: 'DELETE', headers })
  expect(status).toBe(204)
}

/** Delays the effect of the next revocation at Google, so that cached access tokens stay valid. */
function delayRevocation(): void {
  google.faults.add({ operation: 'oauth.revoke', status: 200, body: '{}' })
}

/** Starts another instance whose caches have the session and its grant. */
async function startWarmInstance(): Promise<Driveway> {
  const instance = await startDriveway({ sharing: driveway, env, gateway })
  instances.push(instance)
  Object.assign(instance, { session: driveway.session, bearer: driveway.bearer })
  const { status } = await send(instance.origin, '/files', { headers: driveway.session })
  expect(status).toBe(200)
  return instance
}

/** Sends the head of a request, disconnects the account, and then sends the body. */
async function sendBodyAfterDisconnect(
  method: string,
  path: string,
  body: string,
  headers: Record<string, string> = driveway.session,
): Promise<{ status: number | undefined; code: string | undefined }> {
  const connection = await openConnection(origin)
  const head = requestHead({ bearer: {} }, method, path, {
    ...headers,
    'Content-Type': 'application/json',
    'Content-Length': body.length,
    Expect: '100-continue',
    Connection: 'close',
  })
  connection.socket.write(head)
  // The gateway has authenticated the request when it asks for the body.
  await connection.waitFor((received) => received.includes('100 Continue'))
  await disconnect()
  connection.socket.write(body)
  await connection.closed
  return { status: connection.statuses()[0], code: problemCodeIn(connection.received()) }
}

/** Holds the next write until the account is disconnected. */
async function disconnectDuring<T>(write: () => Promise<T>): Promise<T> {
  google.faults.add({ operation: 'firestore.commit', hold: 'request' })
  google.calls.length = 0
  const writing = write()
  await waitFor(() => google.calls.includes('firestore.commit'))
  await disconnect()
  google.faults.release()
  return writing
}

const documentOf = (collection: string): DocumentJson => {
  const found = google.firestore.dump().find(({ name }) => name.includes(`/${collection}/`))
  if (!found) throw new Error(`No document in ${collection}`)
  return found
}

/** Writes a document again that the disconnect has deleted, as a write does that was late. */
const restore = ({ name, fields }: DocumentJson): Promise<void> =>
  replaceDocument(google, name, fields)

const generationOf = (): unknown => documentOf('grants').fields['generation']

const getFiles = (headers: Record<string, string>, at = driveway): Promise<RawResponse> =>
  send(at.origin, '/files?pageSize=1', { headers })

describe('a request whose body arrives after the disconnect', () => {
  test('POST /auth/tokens creates no token', async () => {
    const result = await sendBodyAfterDisconnect('POST', '/auth/tokens', '{"expiresInDays":365}')
    expect(result).toEqual({ status: 401, code: 'session_expired' })
    expect(storedDocuments(google, 'credentials')).toEqual([])
  })

  test('PUT /auth/policies creates no policy', async () => {
    const policy = { issuer: google.ci.issuer, claims: { repository: 'me/app' } }
    const body = JSON.stringify(policy)
    const result = await sendBodyAfterDisconnect('PUT', '/auth/policies/x', body)
    expect(result).toEqual({ status: 401, code: 'session_expired' })
    expect(storedDocuments(google, 'policies')).toEqual([])
  })

  test('POST /auth/device/{user_code} approves nothing', async () => {
    const terminal = await requestDeviceCode(driveway)
    const body = JSON.stringify({ approve: true, account: 'ada@example.com' })
    const path = `/auth/device/${terminal.user_code}`
    const result = await sendBodyAfterDisconnect('POST', path, body)
    expect(result.status).toBe(401)
    expect(oauthErrorOf(await pollToken(driveway, terminal))).toBe('authorization_pending')
  })

  test('POST /upload/tickets issues no ticket', async () => {
    delayRevocation()
    const bearer = await createBearer(driveway)
    const body = JSON.stringify({ name: 'a.bin', size: 5 })
    const result = await sendBodyAfterDisconnect('POST', '/upload/tickets', body, bearer)
    expect(result).toEqual({ status: 401, code: 'invalid_token' })
    expect(google.drive.openSessions()).toBe(0)
  })

  test('POST /upload/tickets issues no ticket to a CI job', async () => {
    delayRevocation()
    const { audience } = await setPolicy(driveway, 'deploy')
    const bearer = { authorization: `Bearer ${await jobToken(driveway, audience)}` }
    const body = JSON.stringify({ name: 'a.bin', size: 5 })
    const result = await sendBodyAfterDisconnect('POST', '/upload/tickets', body, bearer)
    expect(result).toEqual({ status: 403, code: 'policy_mismatch' })
    expect(google.drive.openSessions()).toBe(0)
  })
})

describe('another instance, 20 seconds after a disconnect', () => {
  let other: Driveway
  beforeEach(async () => {
    delayRevocation()
    other = await startWarmInstance()
    await disconnect()
    clock = 20_000
  })

  test('POST /auth/tokens creates no token', async () => {
    const response = await postToken(other, { expiresInDays: 365 })
    expect([response.status, problemCode(response)]).toEqual([401, 'session_expired'])
    expect(storedDocuments(google, 'credentials')).toEqual([])
  })

  test('PUT /auth/policies creates no policy', async () => {
    const response = await putPolicy(other, 'x')
    expect([response.status, problemCode(response)]).toEqual([401, 'session_expired'])
    expect(storedDocuments(google, 'policies')).toEqual([])
  })

  test('POST /auth/device/{user_code} approves nothing', async () => {
    const terminal = await requestDeviceCode(other)
    const response = await decideDeviceRequest(other, terminal.user_code)
    expect(response.status).toBe(401)
    expect(oauthErrorOf(await pollToken(other, terminal))).toBe('authorization_pending')
  })

  test('POST /upload/tickets and a direct tus upload get no session of Drive', async () => {
    const ticket = await requestTicket(
      { ...other, bearer: driveway.session },
      { name: 'a', size: 5 },
    )
    const tus = createTusClient({ ...other, bearer: driveway.session })
    const direct = await tus.post({ 'upload-length': '5', 'driveway-direct': '1' })
    for (const response of [ticket, direct]) expect(response.status).toBe(401)
    expect(google.drive.openSessions()).toBe(0)
  })
})

describe('after a disconnect and a new sign-in', () => {
  test('a token, a session and a policy that were written late are refused', async () => {
    const token = await createBearer(driveway)
    const { audience } = await setPolicy(driveway, 'deploy')
    const job = await jobToken(driveway, audience)
    const old = driveway.session
    const late = google.firestore
      .dump()
      .filter(({ name }) => /\/(credentials|policies)\//.test(name))
    await disconnect()
    await signInAgain()
    for (const document of late) await restore(document)
    for (const instance of [driveway, await startWarmInstance()]) {
      expect(problemCode(await getFiles(token, instance))).toBe('invalid_token')
      expect(problemCode(await getFiles(old, instance))).toBe('session_expired')
      expect((await requestAsJob(instance, job)).status).toBe(401)
      expect((await getFiles(driveway.session, instance)).status).toBe(200)
    }
    const tokens = await send(origin, '/auth/tokens', { headers: driveway.session })
    expect(parseJson(tokens)).toEqual({ tokens: [] })
    const policies = await send(origin, '/auth/policies', { headers: driveway.session })
    expect(parseJson(policies)).toMatchObject({ policies: [] })
  })

  test('an approval of a device that was written late yields no token', async () => {
    const terminal = await requestDeviceCode(driveway)
    await decideDeviceRequest(driveway, terminal.user_code)
    const late = documentOf('devices')
    await disconnect()
    await signInAgain()
    await restore(late)
    expect(oauthErrorOf(await pollToken(driveway, terminal))).toBe('invalid_grant')
  })

  test('the code of a page is refused', async () => {
    const codes: Record<string, string>[] = []
    for (const verifier of [createCodeVerifier(), createCodeVerifier()]) {
      const { to } = await signInForPage(driveway, `${page}/`, verifier)
      codes.push({ code: authorizationCode(to), code_verifier: verifier })
    }
    const [first = {}, second = {}] = codes
    await disconnect()
    const missing = await exchangeCode(driveway, page, first)
    expect([missing.status, problemCode(missing)]).toEqual([400, 'invalid_grant'])
    await signInAgain()
    const replaced = await exchangeCode(driveway, page, second)
    expect([replaced.status, problemCode(replaced)]).toEqual([400, 'invalid_grant'])
  })

  test('a tus upload and a ticket cannot be continued', async () => {
    const before = { ...driveway, bearer: await createBearer(driveway) }
    const path = await createTusClient(before).create({ 'upload-length': '9' })
    const ticket = parseJson<{ ticket: string }>(
      await requestTicket(before, { name: 'a', size: 5 }),
    )
    await disconnect()
    await signInAgain()
    const after = { ...driveway, bearer: await createBearer(driveway) }
    expect((await createTusClient(after).head(path)).status).toBe(404)
    expect((await completeTicket(after, ticket)).status).toBe(404)
  })

  test('the new session works at once at an instance that has the former grant in its cache', async () => {
    const other = await startWarmInstance()
    await disconnect()
    await signInAgain()
    expect((await getFiles(driveway.session, other)).status).toBe(200)
  })
})

describe('the generation of a grant', () => {
  test('stays with further sign-ins, and is new after a disconnect', async () => {
    const first = generationOf()
    const token = await createBearer(driveway)
    await signInAgain()
    expect(generationOf()).toEqual(first)
    expect((await getFiles(token)).status).toBe(200)
    await disconnect()
    await signInAgain()
    expect(generationOf()).not.toEqual(first)
    expect(first).toEqual({ stringValue: expect.stringMatching(/^[\w-]{22}$/) })
  })

  test('is absent in documents of earlier versions, which stay valid until the disconnect', async () => {
    const token = await createBearer(driveway)
    for (const { name, fields } of google.firestore.dump()) {
      if (/\/(grants|credentials)\//.test(name)) {
        await replaceDocument(google, name, { ...fields, generation: undefined })
      }
    }
    const other = await startWarmInstance()
    expect((await getFiles(token, other)).status).toBe(200)
    const late = google.firestore.dump().filter(({ name }) => name.includes('/credentials/'))
    await disconnect()
    await signInAgain()
    for (const document of late) await restore(document)
    expect((await getFiles(token, await startWarmInstance())).status).toBe(401)
  })
})

describe('a disconnect during the write', () => {
  test('POST /auth/tokens deletes the token again', async () => {
    const response = await disconnectDuring(() => postToken(driveway, {}))
    expect([response.status, problemCode(response)]).toEqual([401, 'session_expired'])
    expect(storedDocuments(google, 'credentials')).toEqual([])
  })

  test('PUT /auth/policies deletes the policy again', async () => {
    const response = await disconnectDuring(() => putPolicy(driveway, 'x'))
    expect([response.status, problemCode(response)]).toEqual([401, 'session_expired'])
    expect(JSON.stringify(storedDocuments(google, 'policies'))).not.toContain('me/app')
  })

  test('a refresh token that Google has replaced is not stored', async () => {
    const other = await startWarmInstance()
    clock = 3_600_000
    google.faults.add({
      operation: 'oauth.refresh',
      tokenResponse: { refresh_token: '1//0replaced' },
    })
    await disconnectDuring(() => getFiles(driveway.session, other))
    expect(storedDocuments(google, 'grants')).toEqual([])
  })

  test('a sign-in without a refresh token stores no grant', async () => {
    const started = await startSignIn(driveway)
    const consent = await approveConsent(started)
    google.faults.add({ operation: 'firestore.commit', skip: 1, hold: 'request' })
    google.calls.length = 0
    const signingIn = completeSignIn(driveway, consent, started.cookie)
    await waitFor(
      () => google.calls.filter((operation) => operation === 'firestore.commit').length === 2,
    )
    await disconnect()
    google.faults.release()
    const response = await signingIn
    expect([response.status, problemCode(response)]).toEqual([401, 'reauth_required'])
    expect(storedDocuments(google, 'grants')).toEqual([])
  })
})
