/** Answers of a running gateway are what docs/openapi.yaml says. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { createHash, randomBytes } from 'node:crypto'
import { signIn } from '../../infra/local/sign-in.ts'
import { decideDeviceRequest, showDeviceRequest, pollToken, postForm } from '../kit/device-flow.ts'
import type { DeviceAuthorization } from '../kit/device-flow.ts'
import { putPolicy } from '../kit/policies.ts'
import { problemCode, filePart, form, send, startDriveway, uploadForm } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'
import { faultsOf, operations } from './openapi-fixture.ts'

let driveway: Driveway
/** Statuses that were seen, by operation. */
const seen = new Map<string, Set<number>>()

beforeAll(async () => {
  driveway = await startDriveway({
    env: { ALLOWED_ORIGINS: 'https://photos.example', OPERATORS: 'ada@example.com' },
  })
})
afterAll(() => driveway.close())

/** Holds an answer against the document. */
function held(
  operationId: string,
  status: number,
  answer: RawResponse,
  code?: string,
): RawResponse {
  expect([operationId, answer.status, code && problemCode(answer)]).toEqual([
    operationId,
    status,
    code,
  ])
  expect(faultsOf(operationId, answer)).toEqual([])
  seen.set(operationId, (seen.get(operationId) ?? new Set()).add(status))
  return answer
}

type More = { headers?: Record<string, string>; body?: string | Buffer }

/** As whoever has the token. */
function ask(
  method: string,
  path: string,
  { headers = {}, body }: More = {},
): Promise<RawResponse> {
  const options = { method, headers: { ...driveway.bearer, ...headers } }
  return send(driveway.origin, path, body === undefined ? options : { ...options, body })
}

/** As whoever is signed in. */
function own(method: string, path: string, body?: object): Promise<RawResponse> {
  const headers = { ...driveway.session, 'content-type': 'application/json' }
  const options = { method, headers }
  return send(
    driveway.origin,
    path,
    body === undefined ? options : { ...options, body: JSON.stringify(body) },
  )
}

const read = ({ body }: RawResponse): unknown => JSON.parse(body)

/** What a person does at Google, and their browser after that. */
async function comeBack({ headers }: RawResponse): Promise<RawResponse> {
  const drive = 'https://www.googleapis.com/auth/drive'
  const back = await fetch(headers.location ?? '', {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams([
      ['authuser', '0'],
      ['decision', 'continue'],
      ['scope', `${drive}.file`],
      ['scope', `${drive}.metadata.readonly`],
    ]),
  })
  const { pathname, search } = new URL(back.headers.get('location') ?? '')
  const cookie = String(headers['set-cookie']?.[0]).split(';')[0] ?? ''
  return send(driveway.origin, `${pathname}${search}`, { headers: { cookie } })
}

test('signing in', async () => {
  const { origin } = driveway
  held('startSignIn', 302, await send(origin, '/auth'))
  held('startSignIn', 400, await send(origin, '/auth?return_to=/&return_to=/'), 'bad_request')
  held('completeSignIn', 400, await send(origin, '/callback?code=x'), 'state_missing')
  const started = await send(origin, '/auth')
  held('completeSignIn', 303, await comeBack(started))
  held('getSession', 200, await send(origin, '/auth/session'))
  held('getSession', 200, await own('GET', '/auth/session'))
  held('getSession', 200, await ask('GET', '/auth/session'))
  const cookie = await signIn(origin, driveway.google.oauth.users[0]?.email ?? '')
  const options = { method: 'DELETE', headers: { cookie, origin } }
  held('signOut', 204, await send(origin, '/auth/session', options))
  const foreign = { ...driveway.session, origin: 'https://evil.example' }
  held('getSession', 403, await send(origin, '/auth/session', { headers: foreign }), 'csrf')
})

test('a page of another origin', async () => {
  const origin = 'https://photos.example'
  const fields = { grant_type: 'authorization_code', code: 'x', code_verifier: 'y'.repeat(43) }
  held(
    'exchangeCode',
    400,
    await postForm(driveway, '/auth/token', fields, { origin }),
    'invalid_grant',
  )
  held('exchangeCode', 403, await postForm(driveway, '/auth/token', fields), 'origin_not_allowed')
  const { challenge, verifier } = pkce()
  const query = new URLSearchParams({
    return_to: `${origin}/page`,
    code_challenge: challenge,
    code_challenge_method: 'S256',
  })
  const started = held('startSignIn', 302, await send(driveway.origin, `/auth?${query}`))
  const landed = held('completeSignIn', 303, await comeBack(started))
  const code = new URL(landed.headers.location ?? '').hash.replace('#code=', '')
  const good = { ...fields, code, code_verifier: verifier }
  held('exchangeCode', 200, await postForm(driveway, '/auth/token', good, { origin }))
})

function pkce(): { verifier: string; challenge: string } {
  const verifier = randomBytes(32).toString('base64url')
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') }
}

test('tokens', async () => {
  const terms = { name: 'ci', scopes: ['upload'], path: 'Inbox/ci', maxFiles: 3, expiresInDays: 1 }
  const made = held('createToken', 201, await own('POST', '/auth/tokens', terms))
  held('createToken', 400, await own('POST', '/auth/tokens', { nmae: 'ci' }), 'bad_request')
  held('createToken', 403, await ask('POST', '/auth/tokens'), 'scope_insufficient')
  held('listTokens', 200, await own('GET', '/auth/tokens'))
  held('listTokens', 401, await send(driveway.origin, '/auth/tokens'), 'login_required')
  const { id, token } = read(made) as { id: string; token: string }
  const authorization = `Bearer ${token}`
  held(
    'listFiles',
    403,
    await ask('GET', '/files', { headers: { authorization } }),
    'scope_insufficient',
  )
  held('revokeToken', 204, await own('DELETE', `/auth/tokens/${id}`))
  held('revokeToken', 404, await own('DELETE', `/auth/tokens/${'0'.repeat(64)}`), 'not_found')
})

test('the doctor', async () => {
  held('runDoctor', 200, await own('GET', '/auth/doctor'))
  held('runDoctor', 401, await send(driveway.origin, '/auth/doctor'), 'login_required')
  const made = await ask('PUT', '/upload/driveway-doctor-1.bin', { body: 'x' })
  const { id } = read(made) as { id: string }
  held('deleteTestFile', 204, await ask('DELETE', `/auth/doctor/files/${id}`))
  held('deleteTestFile', 404, await ask('DELETE', '/auth/doctor/files/nothing'), 'drive_not_found')
})

test('a terminal', async () => {
  const terminal = read(
    held(
      'requestDeviceCode',
      200,
      await postForm(driveway, '/auth/device', { client_name: 'laptop' }),
    ),
  ) as DeviceAuthorization
  held(
    'requestDeviceCode',
    400,
    await postForm(driveway, '/auth/device', { scope: 'all' }),
    'bad_request',
  )
  held('pollDeviceToken', 400, await pollToken(driveway, terminal), 'authorization_pending')
  const { user_code: userCode } = terminal
  held('getDeviceRequest', 200, await showDeviceRequest(driveway, userCode))
  held(
    'getDeviceRequest',
    404,
    await showDeviceRequest(driveway, 'BBBB-BBBB'),
    'device_code_unknown',
  )
  const other = { account: 'other@example.com' }
  held(
    'decideDeviceRequest',
    409,
    await decideDeviceRequest(driveway, userCode, other),
    'account_changed',
  )
  held('decideDeviceRequest', 204, await decideDeviceRequest(driveway, userCode))
  held('pollDeviceToken', 200, await pollToken(driveway, terminal))
  held('pollDeviceToken', 400, await pollToken(driveway, { device_code: 'x' }), 'invalid_grant')
})

test('policies', async () => {
  held('setPolicy', 201, await putPolicy(driveway, 'nightly', { path: 'Builds', maxFiles: 9 }))
  held('setPolicy', 200, await putPolicy(driveway, 'nightly', { expiresInDays: 9 }))
  held('setPolicy', 400, await putPolicy(driveway, 'nightly', { claims: {} }), 'bad_request')
  held('listPolicies', 200, await own('GET', '/auth/policies'))
  held('listPolicies', 403, await ask('GET', '/auth/policies'), 'scope_insufficient')
  held('getPolicy', 200, await own('GET', '/auth/policies/nightly'))
  held('getPolicy', 404, await own('GET', '/auth/policies/other'), 'not_found')
  held('removePolicy', 204, await own('DELETE', '/auth/policies/nightly'))
  held('removePolicy', 404, await own('DELETE', '/auth/policies/nightly'), 'not_found')
})

test('files', async () => {
  const page = held('listFiles', 200, await ask('GET', '/files?pageSize=2'))
  expect((read(page) as { nextPageToken?: string }).nextPageToken).toBeDefined()
  const lines = { headers: { accept: 'application/x-ndjson' } }
  held('listFiles', 200, await ask('GET', '/files', lines))
  held('listFiles', 400, await ask('GET', '/files?orderBy=size'), 'bad_request')
  const json = { headers: { 'content-type': 'application/json' } }
  const made = held(
    'createFolder',
    201,
    await ask('POST', '/files', { ...json, body: '{"name":"Made here"}' }),
  )
  held('createFolder', 200, await ask('POST', '/files', { ...json, body: '{"name":"Made here"}' }))
  held('createFolder', 400, await ask('POST', '/files', { ...json, body: '{}' }), 'bad_request')
  held('getFile', 200, await ask('GET', '/files/root'))
  held('getFile', 404, await ask('GET', '/files/nothing'), 'drive_not_found')
  const { id } = read(made) as { id: string }
  held('downloadFile', 409, await ask('GET', `/files/${id}/content`), 'not_downloadable')
})

test('uploads, and downloads of what was uploaded', async () => {
  const answer = await uploadForm(driveway, form('b', filePart('a.txt', 'hello')))
  const { files } = read(held('uploadForm', 201, answer)) as { files: { id: string }[] }
  held('uploadForm', 400, await uploadForm(driveway, form('b')), 'no_file')
  const id = files[0]?.id ?? ''
  held('getFile', 200, await ask('GET', `/files/${id}`))
  const whole = held('downloadFile', 200, await ask('GET', `/files/${id}/content`))
  expect(whole.body).toBe('hello')
  const range = { headers: { range: 'bytes=1-2' } }
  held('downloadFile', 206, await ask('GET', `/files/${id}/content`, range))
  const far = { headers: { range: 'bytes=9-' } }
  held('downloadFile', 416, await ask('GET', `/files/${id}/content`, far), 'range_not_satisfiable')
  const known = { headers: { 'if-none-match': String(whole.headers.etag) } }
  held('downloadFile', 304, await ask('GET', `/files/${id}/content`, known))
  held('headFileContent', 200, await ask('HEAD', `/files/${id}/content`))
  held('headFileContent', 404, await ask('HEAD', '/files/nothing/content'))

  held('uploadRaw', 201, await ask('PUT', '/upload/Inbox/b.txt', { body: 'hello' }))
  held('uploadRaw', 200, await ask('PUT', '/upload/Inbox/b.txt?mode=replace', { body: 'more' }))
  held('uploadRaw', 200, await ask('PUT', '/upload/Inbox/b.txt?mode=skip', { body: 'more' }))
  const taken = await ask('PUT', '/upload/Inbox/b.txt?mode=error', { body: 'more' })
  held('uploadRaw', 409, taken, 'file_exists')
  const plain = { headers: { accept: 'text/plain' }, body: 'x' }
  held('uploadRaw', 201, await ask('PUT', '/upload/c.txt', plain))
  held('getRequestLimit', 204, await ask('OPTIONS', '/upload'))
})

test('tickets', async () => {
  const json = { headers: { 'content-type': 'application/json' } }
  const wanted = JSON.stringify({ name: 't.bin', size: 5 })
  const given = held(
    'createTicket',
    201,
    await ask('POST', '/upload/tickets', { ...json, body: wanted }),
  )
  held(
    'createTicket',
    400,
    await ask('POST', '/upload/tickets', { ...json, body: '{}' }),
    'bad_request',
  )
  const { uploadUrl, ticket } = read(given) as { uploadUrl: string; ticket: string }
  const path = `/upload/tickets/${ticket}/complete`
  held('completeTicket', 409, await ask('POST', path), 'upload_incomplete')
  expect((await fetch(uploadUrl, { method: 'PUT', body: 'hello' })).status).toBe(200)
  held('completeTicket', 201, await ask('POST', path))
  held('completeTicket', 404, await ask('POST', '/upload/tickets/x/complete'), 'not_found')
})

test('tus', async () => {
  const tus = { 'tus-resumable': '1.0.0' }
  const create = { ...tus, 'upload-length': '5', 'upload-metadata': 'filename YS50eHQ=' }
  held('tusOptions', 204, await ask('OPTIONS', '/upload/tus'))
  const made = held('tusCreate', 201, await ask('POST', '/upload/tus', { headers: create }))
  held('tusCreate', 412, await ask('POST', '/upload/tus'), 'tus_version')
  const { pathname } = new URL(made.headers.location ?? '')
  held('tusUploadOptions', 204, await ask('OPTIONS', pathname))
  held('tusOffset', 200, await ask('HEAD', pathname, { headers: tus }))
  held('tusOffset', 404, await ask('HEAD', '/upload/tus/x', { headers: tus }))
  const bytes = { ...tus, 'content-type': 'application/offset+octet-stream' }
  const late = { headers: { ...bytes, 'upload-offset': '3' }, body: 'lo' }
  held('tusAppend', 409, await ask('PATCH', pathname, late), 'offset_mismatch')
  const all = { headers: { ...bytes, 'upload-offset': '0' }, body: 'hello' }
  const sent = held('tusAppend', 204, await ask('PATCH', pathname, all))
  expect(sent.headers['driveway-file-id']).toBeDefined()
  held('tusOffset', 200, await ask('HEAD', pathname, { headers: tus }))
  held('tusTerminate', 204, await ask('DELETE', pathname, { headers: tus }))
  held('tusTerminate', 404, await ask('DELETE', '/upload/tus/x', { headers: tus }), 'not_found')
  const again = await ask('POST', '/upload/tus', { headers: create })
  const stand = { ...bytes, 'upload-offset': '0', 'x-http-method-override': 'PATCH' }
  const { pathname: other } = new URL(again.headers.location ?? '')
  held('tusOverride', 204, await ask('POST', other, { headers: stand, body: 'hello' }))
  held('tusOverride', 405, await ask('POST', other, { headers: tus }), 'method_not_allowed')
})

test('leaving', async () => {
  held('signOut', 403, await ask('DELETE', '/auth/session'), 'scope_insufficient')
  held('disconnect', 403, await ask('DELETE', '/auth/grant'), 'scope_insufficient')
  driveway.google.faults.add({ operation: 'oauth.revoke', times: 3, status: 503 })
  held('disconnect', 200, await own('DELETE', '/auth/grant'))
  held('disconnect', 401, await own('DELETE', '/auth/grant'))
})

test('every operation has been seen to succeed, and every one but OPTIONS to refuse', () => {
  for (const { operation, method } of operations) {
    const statuses = [...(seen.get(operation.operationId) ?? [])]
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
