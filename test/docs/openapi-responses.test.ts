/** The responses of a running gateway match docs/openapi.yaml. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { createHash, randomBytes } from 'node:crypto'
import { signIn } from '../../infra/local/sign-in.ts'
import { decideDeviceRequest, showDeviceRequest, pollToken, postForm } from '../kit/device-flow.ts'
import type { DeviceAuthorization } from '../kit/device-flow.ts'
import { putPolicy } from '../kit/policies.ts'
import { problemCode, filePart, form, send, startDriveway, uploadForm } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'
import { mismatchesOf, operations } from './openapi-fixture.ts'

let driveway: Driveway
/** The statuses of each operation's responses. */
const statusesById = new Map<string, Set<number>>()

beforeAll(async () => {
  driveway = await startDriveway({
    env: {
      ALLOWED_ORIGINS: 'https://photos.example',
      RETURN_URLS: 'https://photos.example/page',
      OPERATORS: 'ada@example.com',
    },
  })
})
afterAll(() => driveway.close())

/** Checks a response against the document, and returns it. */
function verify(
  operationId: string,
  status: number,
  response: RawResponse,
  code?: string,
): RawResponse {
  expect([operationId, response.status, code && problemCode(response)]).toEqual([
    operationId,
    status,
    code,
  ])
  expect(mismatchesOf(operationId, response)).toEqual([])
  statusesById.set(operationId, (statusesById.get(operationId) ?? new Set()).add(status))
  return response
}

type RequestOptions = { headers?: Record<string, string>; body?: string | Buffer }

/** Sends a request with a token. */
function sendWithToken(
  method: string,
  path: string,
  { headers = {}, body }: RequestOptions = {},
): Promise<RawResponse> {
  const options = { method, headers: { ...driveway.bearer, ...headers } }
  return send(driveway.origin, path, body === undefined ? options : { ...options, body })
}

/** Sends a JSON request with a session. */
function sendWithSession(method: string, path: string, body?: object): Promise<RawResponse> {
  const headers = { ...driveway.session, 'content-type': 'application/json' }
  const options = { method, headers }
  return send(
    driveway.origin,
    path,
    body === undefined ? options : { ...options, body: JSON.stringify(body) },
  )
}

const parse = ({ body }: RawResponse): unknown => JSON.parse(body)

/** Grants the scopes at Google, and follows the redirect to the callback. */
async function completeConsent({ headers }: RawResponse): Promise<RawResponse> {
  const drive = 'https://www.googleapis.com/auth/drive'
  const consent = await fetch(headers.location ?? '', {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams([
      ['authuser', '0'],
      ['decision', 'continue'],
      ['scope', `${drive}.file`],
      ['scope', `${drive}.metadata.readonly`],
    ]),
  })
  const { pathname, search } = new URL(consent.headers.get('location') ?? '')
  const cookie = String(headers['set-cookie']?.[0]).split(';')[0] ?? ''
  return send(driveway.origin, `${pathname}${search}`, { headers: { cookie } })
}

test('sign-in and session responses match the document', async () => {
  const { origin } = driveway
  verify('startSignIn', 302, await send(origin, '/auth'))
  verify('startSignIn', 400, await send(origin, '/auth?return_to=/&return_to=/'), 'bad_request')
  verify('completeSignIn', 400, await send(origin, '/callback?code=x'), 'state_missing')
  const started = await send(origin, '/auth')
  verify('completeSignIn', 303, await completeConsent(started))
  verify('getSession', 200, await send(origin, '/auth/session'))
  verify('getSession', 200, await sendWithSession('GET', '/auth/session'))
  verify('getSession', 200, await sendWithToken('GET', '/auth/session'))
  const cookie = await signIn(origin, driveway.google.oauth.users[0]?.email ?? '')
  const options = { method: 'DELETE', headers: { cookie, origin } }
  verify('signOut', 204, await send(origin, '/auth/session', options))
  const foreign = { ...driveway.session, origin: 'https://evil.example' }
  verify('getSession', 403, await send(origin, '/auth/session', { headers: foreign }), 'csrf')
})

test('the sign-in of a page on another origin matches the document', async () => {
  const origin = 'https://photos.example'
  const fields = { grant_type: 'authorization_code', code: 'x', code_verifier: 'y'.repeat(43) }
  verify(
    'exchangeCode',
    400,
    await postForm(driveway, '/auth/token', fields, { origin }),
    'invalid_grant',
  )
  verify('exchangeCode', 403, await postForm(driveway, '/auth/token', fields), 'origin_not_allowed')
  const { challenge, verifier } = pkce()
  const query = new URLSearchParams({
    return_to: `${origin}/page`,
    code_challenge: challenge,
    code_challenge_method: 'S256',
  })
  const started = verify('startSignIn', 302, await send(driveway.origin, `/auth?${query}`))
  const redirected = verify('completeSignIn', 303, await completeConsent(started))
  const code = new URL(redirected.headers.location ?? '').hash.replace('#code=', '')
  const valid = { ...fields, code, code_verifier: verifier }
  verify('exchangeCode', 200, await postForm(driveway, '/auth/token', valid, { origin }))
})

function pkce(): { verifier: string; challenge: string } {
  const verifier = randomBytes(32).toString('base64url')
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') }
}

test('token responses match the document', async () => {
  const params = { name: 'ci', scopes: ['upload'], path: 'Inbox/ci', maxFiles: 3, expiresInDays: 1 }
  const created = verify('createToken', 201, await sendWithSession('POST', '/auth/tokens', params))
  verify(
    'createToken',
    400,
    await sendWithSession('POST', '/auth/tokens', { nmae: 'ci' }),
    'bad_request',
  )
  verify('createToken', 403, await sendWithToken('POST', '/auth/tokens'), 'scope_insufficient')
  verify('listTokens', 200, await sendWithSession('GET', '/auth/tokens'))
  verify('listTokens', 401, await send(driveway.origin, '/auth/tokens'), 'login_required')
  const { id, token } = parse(created) as { id: string; token: string }
  const authorization = `Bearer ${token}`
  verify(
    'listFiles',
    403,
    await sendWithToken('GET', '/files', { headers: { authorization } }),
    'scope_insufficient',
  )
  verify('revokeToken', 204, await sendWithSession('DELETE', `/auth/tokens/${id}`))
  verify(
    'revokeToken',
    404,
    await sendWithSession('DELETE', `/auth/tokens/${'0'.repeat(64)}`),
    'not_found',
  )
})

test('session responses match the document', async () => {
  const listed = verify('listSessions', 200, await sendWithSession('GET', '/auth/sessions'))
  verify('listSessions', 403, await sendWithToken('GET', '/auth/sessions'), 'scope_insufficient')
  const { sessions } = parse(listed) as { sessions: { id: string; current: boolean }[] }
  const other = sessions.find(({ current }) => !current)
  verify('revokeSession', 204, await sendWithSession('DELETE', `/auth/sessions/${other?.id}`))
  const unknown = `/auth/sessions/${'0'.repeat(64)}`
  verify('revokeSession', 404, await sendWithSession('DELETE', unknown), 'not_found')
})

test('doctor responses match the document', async () => {
  verify('runDoctor', 200, await sendWithSession('GET', '/auth/doctor'))
  verify('runDoctor', 401, await send(driveway.origin, '/auth/doctor'), 'login_required')
  const created = await sendWithToken('PUT', '/upload/driveway-doctor-1.bin', { body: 'x' })
  const { id } = parse(created) as { id: string }
  verify('deleteTestFile', 204, await sendWithToken('DELETE', `/auth/doctor/files/${id}`))
  verify(
    'deleteTestFile',
    404,
    await sendWithToken('DELETE', '/auth/doctor/files/nothing'),
    'drive_not_found',
  )
})

test('device authorization responses match the document', async () => {
  const terminal = parse(
    verify(
      'requestDeviceCode',
      200,
      await postForm(driveway, '/auth/device', { client_name: 'laptop' }),
    ),
  ) as DeviceAuthorization
  verify(
    'requestDeviceCode',
    400,
    await postForm(driveway, '/auth/device', { scope: 'all' }),
    'bad_request',
  )
  verify('pollDeviceToken', 400, await pollToken(driveway, terminal), 'authorization_pending')
  const { user_code: userCode } = terminal
  verify('getDeviceRequest', 200, await showDeviceRequest(driveway, userCode))
  verify(
    'getDeviceRequest',
    404,
    await showDeviceRequest(driveway, 'BBBB-BBBB'),
    'device_code_unknown',
  )
  const other = { account: 'other@example.com' }
  verify(
    'decideDeviceRequest',
    409,
    await decideDeviceRequest(driveway, userCode, other),
    'account_changed',
  )
  verify('decideDeviceRequest', 204, await decideDeviceRequest(driveway, userCode))
  verify('pollDeviceToken', 200, await pollToken(driveway, terminal))
  verify('pollDeviceToken', 400, await pollToken(driveway, { device_code: 'x' }), 'invalid_grant')
})

test('policy responses match the document', async () => {
  verify('setPolicy', 201, await putPolicy(driveway, 'nightly', { path: 'Builds', maxFiles: 9 }))
  verify('setPolicy', 200, await putPolicy(driveway, 'nightly', { expiresInDays: 9 }))
  verify('setPolicy', 400, await putPolicy(driveway, 'nightly', { claims: {} }), 'bad_request')
  verify('listPolicies', 200, await sendWithSession('GET', '/auth/policies'))
  verify('listPolicies', 403, await sendWithToken('GET', '/auth/policies'), 'scope_insufficient')
  verify('getPolicy', 200, await sendWithSession('GET', '/auth/policies/nightly'))
  verify('getPolicy', 404, await sendWithSession('GET', '/auth/policies/other'), 'not_found')
  verify('removePolicy', 204, await sendWithSession('DELETE', '/auth/policies/nightly'))
  verify(
    'removePolicy',
    404,
    await sendWithSession('DELETE', '/auth/policies/nightly'),
    'not_found',
  )
})

test('file responses match the document', async () => {
  const page = verify('listFiles', 200, await sendWithToken('GET', '/files?pageSize=2'))
  expect((parse(page) as { nextPageToken?: string }).nextPageToken).toBeDefined()
  const lines = { headers: { accept: 'application/x-ndjson' } }
  verify('listFiles', 200, await sendWithToken('GET', '/files', lines))
  verify('listFiles', 400, await sendWithToken('GET', '/files?orderBy=size'), 'bad_request')
  const json = { headers: { 'content-type': 'application/json' } }
  const created = verify(
    'createFolder',
    201,
    await sendWithToken('POST', '/files', { ...json, body: '{"name":"New folder"}' }),
  )
  verify(
    'createFolder',
    200,
    await sendWithToken('POST', '/files', { ...json, body: '{"name":"New folder"}' }),
  )
  verify(
    'createFolder',
    400,
    await sendWithToken('POST', '/files', { ...json, body: '{}' }),
    'bad_request',
  )
  verify('getFile', 200, await sendWithToken('GET', '/files/root'))
  verify('getFile', 404, await sendWithToken('GET', '/files/nothing'), 'drive_not_found')
  const { id } = parse(created) as { id: string }
  verify(
    'downloadFile',
    409,
    await sendWithToken('GET', `/files/${id}/content`),
    'not_downloadable',
  )
})

test('upload and download responses match the document', async () => {
  const uploaded = await uploadForm(driveway, form('b', filePart('a.txt', 'hello')))
  const { files } = parse(verify('uploadForm', 201, uploaded)) as { files: { id: string }[] }
  verify('uploadForm', 400, await uploadForm(driveway, form('b')), 'no_file')
  const id = files[0]?.id ?? ''
  verify('getFile', 200, await sendWithToken('GET', `/files/${id}`))
  const whole = verify('downloadFile', 200, await sendWithToken('GET', `/files/${id}/content`))
  expect(whole.body).toBe('hello')
  const range = { headers: { range: 'bytes=1-2' } }
  verify('downloadFile', 206, await sendWithToken('GET', `/files/${id}/content`, range))
  const beyondEnd = { headers: { range: 'bytes=9-' } }
  verify(
    'downloadFile',
    416,
    await sendWithToken('GET', `/files/${id}/content`, beyondEnd),
    'range_not_satisfiable',
  )
  const current = { headers: { 'if-none-match': String(whole.headers.etag) } }
  verify('downloadFile', 304, await sendWithToken('GET', `/files/${id}/content`, current))
  verify('headFileContent', 200, await sendWithToken('HEAD', `/files/${id}/content`))
  verify('headFileContent', 404, await sendWithToken('HEAD', '/files/nothing/content'))

  verify('uploadRaw', 201, await sendWithToken('PUT', '/upload/Inbox/b.txt', { body: 'hello' }))
  verify(
    'uploadRaw',
    200,
    await sendWithToken('PUT', '/upload/Inbox/b.txt?mode=replace', { body: 'more' }),
  )
  verify(
    'uploadRaw',
    200,
    await sendWithToken('PUT', '/upload/Inbox/b.txt?mode=skip', { body: 'more' }),
  )
  const conflict = await sendWithToken('PUT', '/upload/Inbox/b.txt?mode=error', { body: 'more' })
  verify('uploadRaw', 409, conflict, 'file_exists')
  const plain = { headers: { accept: 'text/plain' }, body: 'x' }
  verify('uploadRaw', 201, await sendWithToken('PUT', '/upload/c.txt', plain))
  verify('getRequestLimit', 204, await sendWithToken('OPTIONS', '/upload'))
})

test('ticket responses match the document', async () => {
  const json = { headers: { 'content-type': 'application/json' } }
  const requested = JSON.stringify({ name: 't.bin', size: 5 })
  const issued = verify(
    'createTicket',
    201,
    await sendWithToken('POST', '/upload/tickets', { ...json, body: requested }),
  )
  verify(
    'createTicket',
    400,
    await sendWithToken('POST', '/upload/tickets', { ...json, body: '{}' }),
    'bad_request',
  )
  const { uploadUrl, ticket } = parse(issued) as { uploadUrl: string; ticket: string }
  const path = `/upload/tickets/${ticket}/complete`
  verify('completeTicket', 409, await sendWithToken('POST', path), 'upload_incomplete')
  expect((await fetch(uploadUrl, { method: 'PUT', body: 'hello' })).status).toBe(200)
  verify('completeTicket', 201, await sendWithToken('POST', path))
  verify(
    'completeTicket',
    404,
    await sendWithToken('POST', '/upload/tickets/x/complete'),
    'not_found',
  )
})

test('tus responses match the document', async () => {
  const tus = { 'tus-resumable': '1.0.0' }
  const create = { ...tus, 'upload-length': '5', 'upload-metadata': 'filename YS50eHQ=' }
  verify('tusOptions', 204, await sendWithToken('OPTIONS', '/upload/tus'))
  const created = verify(
    'tusCreate',
    201,
    await sendWithToken('POST', '/upload/tus', { headers: create }),
  )
  verify('tusCreate', 412, await sendWithToken('POST', '/upload/tus'), 'tus_version')
  const { pathname } = new URL(created.headers.location ?? '')
  verify('tusUploadOptions', 204, await sendWithToken('OPTIONS', pathname))
  verify('tusOffset', 200, await sendWithToken('HEAD', pathname, { headers: tus }))
  verify('tusOffset', 404, await sendWithToken('HEAD', '/upload/tus/x', { headers: tus }))
  const bytes = { ...tus, 'content-type': 'application/offset+octet-stream' }
  const wrongOffset = { headers: { ...bytes, 'upload-offset': '3' }, body: 'lo' }
  verify('tusAppend', 409, await sendWithToken('PATCH', pathname, wrongOffset), 'offset_mismatch')
  const wholeFile = { headers: { ...bytes, 'upload-offset': '0' }, body: 'hello' }
  const completed = verify('tusAppend', 204, await sendWithToken('PATCH', pathname, wholeFile))
  expect(completed.headers['driveway-file-id']).toBeDefined()
  verify('tusOffset', 200, await sendWithToken('HEAD', pathname, { headers: tus }))
  verify('tusTerminate', 204, await sendWithToken('DELETE', pathname, { headers: tus }))
  verify(
    'tusTerminate',
    404,
    await sendWithToken('DELETE', '/upload/tus/x', { headers: tus }),
    'not_found',
  )
  const second = await sendWithToken('POST', '/upload/tus', { headers: create })
  const override = { ...bytes, 'upload-offset': '0', 'x-http-method-override': 'PATCH' }
  const { pathname: other } = new URL(second.headers.location ?? '')
  verify(
    'tusOverride',
    204,
    await sendWithToken('POST', other, { headers: override, body: 'hello' }),
  )
  verify(
    'tusOverride',
    405,
    await sendWithToken('POST', other, { headers: tus }),
    'method_not_allowed',
  )
})

test('sign-out and disconnect responses match the document', async () => {
  verify('signOut', 403, await sendWithToken('DELETE', '/auth/session'), 'scope_insufficient')
  verify('disconnect', 403, await sendWithToken('DELETE', '/auth/grant'), 'scope_insufficient')
  driveway.google.faults.add({ operation: 'oauth.revoke', times: 3, status: 503 })
  verify('disconnect', 200, await sendWithSession('DELETE', '/auth/grant'))
  verify('disconnect', 401, await sendWithSession('DELETE', '/auth/grant'))
})

test('the tests above cover a success of every operation, and an error of every one except OPTIONS', () => {
  for (const { operation, method } of operations) {
    const statuses = [...(statusesById.get(operation.operationId) ?? [])]
    expect([operation.operationId, statuses.some((status) => status < 400)]).toEqual([
      operation.operationId,
      true,
    ])
    if (method === 'OPTIONS') continue
    expect([operation.operationId, statuses.some((status) => status >= 400)]).toEqual([
      operation.operationId,
      true,
    ])
  }
})
