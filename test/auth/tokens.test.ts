/** `/auth/tokens`: creating, listing and revoking tokens, and their scopes. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createHash } from 'node:crypto'
import { createCredentials } from '../../functions/identity/credentials.ts'
import { createFirestoreCredentialStore } from '../../functions/identity/firestore-credentials.ts'
import { createFirestoreRunner } from '../../functions/store/firestore-errors.ts'
import { connect } from '../infra/sandbox/firestore/contract-fixture.ts'
import { send, startDriveway } from '../kit/environment.ts'
import type { Driveway } from '../kit/environment.ts'
import { signInAs, storedDocuments } from '../kit/sign-in.ts'
import { postToken, createBearer, revokeToken, listTokens, createToken } from '../kit/tokens.ts'
import { getFiles, putFile, statusAndCode, withoutRequestId } from '../kit/requests.ts'
import { waitFor } from '../kit/upload.ts'

let clock = 0
let driveway: Driveway
let otherInstance: Driveway

beforeAll(async () => {
  const gateway = { now: () => Date.now() + clock }
  driveway = await startDriveway({ gateway })
  otherInstance = await startDriveway({ sharing: driveway, gateway })
})
afterAll(async () => {
  await otherInstance.close()
  await driveway.close()
})

type Headers = Record<string, string>
const sessionOf = async (email: string): Promise<Headers> => ({
  cookie: (await signInAs(driveway, { email })).cookie,
  origin: driveway.origin,
})

describe('POST /auth/tokens', () => {
  test('creates a token with all scopes, no folder limit and a lifetime of 90 days by default', async () => {
    const created = await createToken(driveway, { name: 'laptop' })
    expect(created).toMatchObject({
      name: 'laptop',
      scopes: ['files:read', 'upload'],
      folder: null,
      maxBytes: null,
      maxFiles: null,
    })
    expect(Date.parse(created.expires) - Date.parse(created.created)).toBe(90 * 24 * 60 * 60_000)
  })

  test('creates a token with a prefix and a checksum for secret scanners', async () => {
    const { token, id } = await createToken(driveway)
    const [, random = '', checksum] = /^dw_([A-Za-z0-9_-]{43})([A-Za-z0-9_-]{6})$/.exec(token) ?? []
    expect(checksum).toBe(createHash('sha256').update(random).digest('base64url').slice(0, 6))
    expect(id).toBe(createHash('sha256').update(token).digest('hex'))
  })

  test('returns the secret once; Firestore, the log and the list do not have it', async () => {
    const { token } = await createToken(driveway, { name: 'secret' })
    const everything = JSON.stringify([
      driveway.google.firestore.dump(),
      driveway.lines,
      await listTokens(driveway),
    ])
    expect(everything).not.toContain(token)
    expect(everything).not.toContain(token.slice(3, 46))
  })

  test('limits a token to a folder by its id, or by a path that is found or created', async () => {
    const { drive } = driveway.google
    const { Inbox = '' } = await drive.seed(driveway.sub, [{ name: 'Inbox', folder: [] }])
    const byId = await createToken(driveway, { folder: Inbox })
    expect(byId.folder).toEqual({ id: Inbox, name: 'Inbox' })
    const created = await createToken(driveway, { path: 'CI/nightly' })
    const again = await createToken(driveway, { path: 'CI/nightly' })
    const below = await createToken(driveway, { folder: created.folder?.id, path: 'logs' })
    expect(created.folder?.name).toBe('nightly')
    expect(again.folder).toEqual(created.folder)
    expect(drive.file(below.folder?.id ?? '')?.parents).toEqual([created.folder?.id])
    const root = await createToken(driveway, { folder: 'root' })
    expect(root.folder?.id).toBe(drive.rootOf(driveway.sub))
  })

  test('returns drive_not_found for an unknown id or a folder of another account', async () => {
    const { drive, oauth } = driveway.google
    const { Hers: foreign = '' } = await drive.seed(oauth.users[1]?.sub ?? '', [
      { name: 'Hers', folder: [] },
    ])
    for (const folder of [foreign, 'nothing-is-here']) {
      const response = await postToken(driveway, { folder })
      expect([folder, ...statusAndCode(response)]).toEqual([folder, 404, 'drive_not_found'])
    }
    for (const folder of ['a/b', "x' or '"]) {
      const response = await postToken(driveway, { folder })
      expect([folder, ...statusAndCode(response)]).toEqual([folder, 400, 'bad_request'])
    }
  })

  test.each([
    [{ name: '' }],
    [{ name: 'a\nb' }],
    [{ name: 'x'.repeat(101) }],
    [{ scopes: [] }],
    [{ scopes: ['everything'] }],
    [{ scopes: 'upload' }],
    [{ maxBytes: 0 }],
    [{ maxBytes: 1.5 }],
    [{ maxBytes: '10' }],
    [{ maxFiles: -1 }],
    [{ maxFiles: 1e300 }],
    [{ expiresInDays: 0 }],
    [{ expiresInDays: 366 }],
    [{ folder: 5 }],
    [{ path: 5 }],
    [{ maxbytes: 5 }],
    [{ __proto__: null, constructor: 1 }],
  ])('rejects %j and stores nothing', async (params) => {
    const before = storedDocuments(driveway.google, 'credentials').length
    expect(statusAndCode(await postToken(driveway, params))).toEqual([400, 'bad_request'])
    expect(storedDocuments(driveway.google, 'credentials')).toHaveLength(before)
  })

  test('requires a session and an allowed origin', async () => {
    expect(statusAndCode(await postToken(driveway, {}, driveway.bearer))).toEqual([
      403,
      'scope_insufficient',
    ])
    const { cookie = '' } = driveway.session
    expect(statusAndCode(await postToken(driveway, {}, { cookie }))).toEqual([403, 'csrf'])
    expect(statusAndCode(await postToken(driveway, {}, {}))).toEqual([401, 'login_required'])
    const listed = await send(driveway.origin, '/auth/tokens', { headers: driveway.bearer })
    expect(statusAndCode(listed)).toEqual([403, 'scope_insufficient'])
  })

  test('returns too_many_tokens after 100 tokens, until one is revoked', async () => {
    const session = await sessionOf('ben@example.com')
    const at = { origin: driveway.origin, session }
    const firestore = connect(driveway.google.env['FIRESTORE_EMULATOR_HOST'] ?? '', 'sandbox')
    const credentials = createCredentials(
      createFirestoreCredentialStore(createFirestoreRunner(() => Promise.resolve(firestore))),
    )
    const sub = driveway.google.oauth.users[1]?.sub ?? ''
    const grant = (await firestore.collection('grants').doc(sub).get()).data()
    const owner = { sub, generation: String(grant?.['generation']) }
    for (let count = 0; count < 99; count++) await credentials.issue('token', owner, 1e9)
    expect((await postToken(at, {})).status).toBe(201)
    const rejected = await postToken(at, {})
    expect(statusAndCode(rejected)).toEqual([409, 'too_many_tokens'])
    const [{ id } = { id: '' }] = await listTokens(at)
    expect((await revokeToken(at, id)).status).toBe(204)
    expect((await postToken(at, {})).status).toBe(201)
  })
})

describe('scopes', () => {
  test('A rejected request names the missing scope in WWW-Authenticate', async () => {
    const reader = await createBearer(driveway, { scopes: ['files:read'] })
    const writer = await createBearer(driveway, { scopes: ['upload'] })
    expect((await getFiles(driveway, reader)).status).toBe(200)
    expect((await putFile(driveway, writer)).status).toBe(201)
    const rejected = await getFiles(driveway, writer)
    expect(statusAndCode(rejected)).toEqual([403, 'scope_insufficient'])
    expect(rejected.headers['www-authenticate']).toBe(
      'Bearer realm="driveway", error="insufficient_scope", scope="files:read"',
    )
    expect(statusAndCode(await putFile(driveway, reader))).toEqual([403, 'scope_insufficient'])
  })

  test.each([
    ['POST', '/upload', { 'content-type': 'multipart/form-data; boundary=b' }],
    ['PUT', '/upload/a.txt', {}],
    ['POST', '/upload/tickets', { 'content-type': 'application/json' }],
    ['POST', '/upload/tickets/x/complete', {}],
    ['POST', '/upload/tus', { 'tus-resumable': '1.0.0' }],
    ['PATCH', '/upload/tus/x', { 'tus-resumable': '1.0.0' }],
    ['HEAD', '/upload/tus/x', { 'tus-resumable': '1.0.0' }],
    ['DELETE', '/upload/tus/x', { 'tus-resumable': '1.0.0' }],
  ])('%s %s requires the scope upload', async (method, path, more) => {
    const reader = await createBearer(driveway, { scopes: ['files:read'] })
    driveway.google.calls.length = 0
    const response = await send(driveway.origin, path, { method, headers: { ...reader, ...more } })
    expect(response.status).toBe(403)
    expect(response.headers['www-authenticate']).toContain('scope="upload"')
    expect(driveway.google.calls.filter((call) => call.startsWith('drive.'))).toEqual([])
  })

  test('GET /auth/session returns the kind and the scopes of the token', async () => {
    const reader = await createBearer(driveway, { scopes: ['files:read'] })
    const { body } = await send(driveway.origin, '/auth/session', { headers: reader })
    expect(JSON.parse(body)).toMatchObject({
      signedIn: true,
      kind: 'token',
      scopes: ['files:read'],
    })
  })
})

describe('GET /auth/tokens', () => {
  test('lists the tokens of the account, newest first, without secrets', async () => {
    const params = { name: 'listed', maxBytes: 5, maxFiles: 6, scopes: ['upload'] }
    const { token, ...first } = await createToken(driveway, params)
    clock += 1_000
    const second = await createToken(driveway, { name: 'newer' })
    const [newer, older] = await listTokens(driveway)
    expect(newer?.id).toBe(second.id)
    expect(older).toEqual({ ...first, usedBytes: 0, usedFiles: 0, lastUsed: null })
    const at = { origin: driveway.origin, session: await sessionOf('ben@example.com') }
    expect((await listTokens(at)).filter(({ id }) => id === first.id)).toEqual([])
    expect(token).toMatch(/^dw_/)
  })

  test('returns the last use of each token with a precision of one hour', async () => {
    const { id, token } = await createToken(driveway)
    const headers = { authorization: `Bearer ${token}` }
    const lastUsed = async (): Promise<string | null | undefined> =>
      (await listTokens(driveway)).find((entry) => entry.id === id)?.lastUsed
    expect(await lastUsed()).toBeNull()
    const since = Date.now() + clock
    await getFiles(driveway, headers)
    await waitFor(async () => (await lastUsed()) !== null)
    const first = await lastUsed()
    expect(Date.parse(first ?? '')).toBeGreaterThanOrEqual(since)
    clock += 59 * 60_000
    await getFiles(driveway, headers)
    clock += 2 * 60_000
    await getFiles(driveway, headers)
    await waitFor(async () => (await lastUsed()) !== first)
  })

  test('A failure to write the last use fails no request and is logged', async () => {
    const headers = await createBearer(driveway)
    driveway.google.faults.add({ operation: 'firestore.commit', status: 400, times: 9 })
    const before = driveway.lines.length
    expect((await getFiles(driveway, headers)).status).toBe(200)
    await waitFor(() =>
      driveway.lines.slice(before).some((line) => line.includes('last_use_update_failed')),
    )
    driveway.google.faults.clear()
  })

  test('A request with a recently used token causes no Firestore read', async () => {
    const { id, token } = await createToken(driveway)
    const headers = { authorization: `Bearer ${token}` }
    await getFiles(driveway, headers)
    await waitFor(async () =>
      (await listTokens(driveway)).some((entry) => entry.id === id && entry.lastUsed),
    )
    driveway.google.calls.length = 0
    expect((await getFiles(driveway, headers)).status).toBe(200)
    expect((await putFile(driveway, headers)).status).toBe(201)
    expect(driveway.google.calls.filter((call) => call.startsWith('firestore.'))).toEqual([])
  })
})

describe('DELETE /auth/tokens/{id}', () => {
  test('revokes a token at once at this instance, and within a minute at others', async () => {
    const { id, token } = await createToken(driveway)
    const headers = { authorization: `Bearer ${token}` }
    expect((await getFiles(otherInstance, headers)).status).toBe(200)
    expect((await revokeToken(driveway, id)).status).toBe(204)
    expect(statusAndCode(await getFiles(driveway, headers))).toEqual([401, 'invalid_token'])
    clock += 60_000
    expect(statusAndCode(await getFiles(otherInstance, headers))).toEqual([401, 'invalid_token'])
    expect((await listTokens(driveway)).filter((entry) => entry.id === id)).toEqual([])
  })

  test('A token expires after its lifetime', async () => {
    const headers = await createBearer(driveway, { expiresInDays: 1 })
    expect((await getFiles(driveway, headers)).status).toBe(200)
    clock += 24 * 60 * 60_000
    expect(statusAndCode(await getFiles(driveway, headers))).toEqual([401, 'invalid_token'])
  })

  test('returns the same 404 for a token of another account as for an unknown id', async () => {
    const { id } = await createToken(driveway)
    const theirs = await sessionOf('ben@example.com')
    const foreign = await revokeToken(driveway, id, theirs)
    expect(withoutRequestId(foreign)).toEqual(
      withoutRequestId(await revokeToken(driveway, '0'.repeat(64), theirs)),
    )
    expect(foreign.status).toBe(404)
    expect((await listTokens(driveway)).some((entry) => entry.id === id)).toBe(true)
    expect(statusAndCode(await revokeToken(driveway, id, driveway.bearer))).toEqual([
      403,
      'scope_insufficient',
    ])
  })

  test('does not revoke a session', async () => {
    const session = await sessionOf('ada@example.com')
    const secret = /^__session=([\w-]*)/.exec(session['cookie'] ?? '')?.[1] ?? ''
    const id = createHash('sha256').update(secret).digest('hex')
    expect((await revokeToken(driveway, id)).status).toBe(404)
    expect((await getFiles(driveway, session)).status).toBe(200)
  })
})

test('The audit log has the creation and the revocation of a token', async () => {
  const { id } = await createToken(driveway, { name: 'audited', scopes: ['upload'] })
  await revokeToken(driveway, id)
  const events = driveway.logs.filter((line) => line['tokenId'] === id)
  expect(events).toMatchObject([
    { message: 'token_created', audit: true, scopes: 'upload', sub: driveway.sub },
    { message: 'token_revoked', audit: true, sub: driveway.sub },
  ])
})
