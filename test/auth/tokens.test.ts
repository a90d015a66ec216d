/** Tokens for scripts: made, listed, ended, and good for what they say. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createHash } from 'node:crypto'
import { createCredentials } from '../../functions/identity/credentials.ts'
import { createFirestoreCredentials } from '../../functions/identity/firestore-credentials.ts'
import { connect } from '../infra/sandbox/firestore/contract-fixture.ts'
import { codeOf, send, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawAnswer } from '../kit/environment.ts'
import { signInAs, storedDocuments } from '../kit/sign-in.ts'
import { postToken, createBearer, revokeToken, listTokens, createToken } from '../kit/tokens.ts'
import { until } from '../kit/upload.ts'

let clock = 0
let driveway: Driveway
let beside: Driveway

beforeAll(async () => {
  const gateway = { now: () => Date.now() + clock }
  driveway = await startDriveway({ gateway })
  beside = await startDriveway({ beside: driveway, gateway })
})
afterAll(async () => {
  await beside.close()
  await driveway.close()
})

type Headers = Record<string, string>
const list = (headers: Headers, at = driveway): Promise<RawAnswer> =>
  send(at.origin, '/files', { headers })
const put = (headers: Headers, name = 'a.txt'): Promise<RawAnswer> =>
  send(driveway.origin, `/upload/${name}`, { method: 'PUT', headers, body: 'hello' })
const outcome = (answer: RawAnswer): unknown[] => [answer.status, codeOf(answer)]
/** An answer without what is of this one request. */
const strip = ({ status, body }: RawAnswer): unknown => ({
  status,
  ...(JSON.parse(body) as object),
  requestId: '',
})
const sessionOf = async (email: string): Promise<Headers> => ({
  cookie: (await signInAs(driveway, { email })).cookie,
  origin: driveway.origin,
})

describe('a token is made', () => {
  test('for everything, everywhere and 90 days unless more is said', async () => {
    const made = await createToken(driveway, { name: 'laptop' })
    expect(made).toMatchObject({
      name: 'laptop',
      scopes: ['files:read', 'upload'],
      folder: null,
      maxBytes: null,
      maxFiles: null,
    })
    expect(Date.parse(made.expires) - Date.parse(made.created)).toBe(90 * 24 * 60 * 60_000)
  })

  test('that a secret scanner knows by its prefix and the checksum at its end', async () => {
    const { token, id } = await createToken(driveway)
    const [, random = '', checksum] = /^dw_([A-Za-z0-9_-]{43})([A-Za-z0-9_-]{6})$/.exec(token) ?? []
    expect(checksum).toBe(createHash('sha256').update(random).digest('base64url').slice(0, 6))
    expect(id).toBe(createHash('sha256').update(token).digest('hex'))
  })

  test('whose secret is nowhere but with its owner', async () => {
    const { token } = await createToken(driveway, { name: 'secret' })
    const everything = JSON.stringify([
      driveway.google.firestore.dump(),
      driveway.lines,
      await listTokens(driveway),
    ])
    expect(everything).not.toContain(token)
    expect(everything).not.toContain(token.slice(3, 46))
  })

  test('for a folder that is found by its id, or found or made by its path', async () => {
    const { drive } = driveway.google
    const { Inbox = '' } = await drive.seed(driveway.sub, [{ name: 'Inbox', folder: [] }])
    const byId = await createToken(driveway, { folder: Inbox })
    expect(byId.folder).toEqual({ id: Inbox, name: 'Inbox' })
    const made = await createToken(driveway, { path: 'CI/nightly' })
    const again = await createToken(driveway, { path: 'CI/nightly' })
    const below = await createToken(driveway, { folder: made.folder?.id, path: 'logs' })
    expect(made.folder?.name).toBe('nightly')
    expect(again.folder).toEqual(made.folder)
    expect(drive.file(below.folder?.id ?? '')?.parents).toEqual([made.folder?.id])
    const root = await createToken(driveway, { folder: 'root' })
    expect(root.folder?.id).toBe(drive.rootOf(driveway.sub))
  })

  test('for no folder that is none, or not there, or somebody else’s (case 31)', async () => {
    const { drive, oauth } = driveway.google
    const { 'plain.txt': file = '' } = await drive.seed(driveway.sub, [
      { name: 'plain.txt', content: 'x' },
    ])
    const { Hers: foreign = '' } = await drive.seed(oauth.users[1]?.sub ?? '', [
      { name: 'Hers', folder: [] },
    ])
    for (const folder of [file, foreign, 'nothing-is-here', 'a/b', "x' or '"]) {
      const answer = await postToken(driveway, { folder })
      expect([folder, ...outcome(answer)]).toEqual([folder, 404, 'drive_not_found'])
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
  ])('with no terms such as %j', async (terms) => {
    const before = storedDocuments(driveway.google, 'credentials').length
    expect(outcome(await postToken(driveway, terms))).toEqual([400, 'bad_request'])
    expect(storedDocuments(driveway.google, 'credentials')).toHaveLength(before)
  })

  test('by nobody but its owner in person', async () => {
    expect(outcome(await postToken(driveway, {}, driveway.bearer))).toEqual([
      403,
      'scope_insufficient',
    ])
    const { cookie = '' } = driveway.session
    expect(outcome(await postToken(driveway, {}, { cookie }))).toEqual([403, 'csrf'])
    expect(outcome(await postToken(driveway, {}, {}))).toEqual([401, 'login_required'])
    const seen = await send(driveway.origin, '/auth/tokens', { headers: driveway.bearer })
    expect(outcome(seen)).toEqual([403, 'scope_insufficient'])
  })

  test('a hundred times and no more, until one is ended', async () => {
    const session = await sessionOf('ben@example.com')
    const at = { origin: driveway.origin, session }
    const firestore = connect(driveway.google.env['FIRESTORE_EMULATOR_HOST'] ?? '', 'sandbox')
    const credentials = createCredentials(
      createFirestoreCredentials(() => Promise.resolve(firestore)),
    )
    const sub = driveway.google.oauth.users[1]?.sub ?? ''
    for (let count = 0; count < 99; count++) await credentials.issue('token', { sub }, 1e9)
    expect((await postToken(at, {})).status).toBe(201)
    const refused = await postToken(at, {})
    expect(outcome(refused)).toEqual([409, 'too_many_tokens'])
    const [{ id } = { id: '' }] = await listTokens(at)
    expect((await revokeToken(at, id)).status).toBe(204)
    expect((await postToken(at, {})).status).toBe(201)
  })
})

describe('a token does what its scopes say', () => {
  test('and a refusal names what it lacks', async () => {
    const reader = await createBearer(driveway, { scopes: ['files:read'] })
    const writer = await createBearer(driveway, { scopes: ['upload'] })
    expect((await list(reader)).status).toBe(200)
    expect((await put(writer)).status).toBe(201)
    const unread = await list(writer)
    expect(outcome(unread)).toEqual([403, 'scope_insufficient'])
    expect(unread.headers['www-authenticate']).toBe(
      'Bearer realm="driveway", error="insufficient_scope", scope="files:read"',
    )
    expect(outcome(await put(reader))).toEqual([403, 'scope_insufficient'])
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
  ])('%s %s wants the scope upload', async (method, path, more) => {
    const reader = await createBearer(driveway, { scopes: ['files:read'] })
    driveway.google.calls.length = 0
    const answer = await send(driveway.origin, path, { method, headers: { ...reader, ...more } })
    expect(answer.status).toBe(403)
    expect(answer.headers['www-authenticate']).toContain('scope="upload"')
    expect(driveway.google.calls.filter((call) => call.startsWith('drive.'))).toEqual([])
  })

  test('GET /auth/session says who it is and what it may do', async () => {
    const reader = await createBearer(driveway, { scopes: ['files:read'] })
    const { body } = await send(driveway.origin, '/auth/session', { headers: reader })
    expect(JSON.parse(body)).toMatchObject({
      signedIn: true,
      kind: 'token',
      scopes: ['files:read'],
    })
  })
})

describe('tokens are listed', () => {
  test('the newest first, those of the account and no others, none of them with its secret', async () => {
    const terms = { name: 'listed', maxBytes: 5, maxFiles: 6, scopes: ['upload'] }
    const { token, ...first } = await createToken(driveway, terms)
    clock += 1_000
    const second = await createToken(driveway, { name: 'newer' })
    const [newer, older] = await listTokens(driveway)
    expect(newer?.id).toBe(second.id)
    expect(older).toEqual({ ...first, usedBytes: 0, usedFiles: 0, lastUsed: null })
    const at = { origin: driveway.origin, session: await sessionOf('ben@example.com') }
    expect((await listTokens(at)).filter(({ id }) => id === first.id)).toEqual([])
    expect(token).toMatch(/^dw_/)
  })

  test('with when each was used last, to the hour', async () => {
    const { id, token } = await createToken(driveway)
    const headers = { authorization: `Bearer ${token}` }
    const lastUsed = async (): Promise<string | null | undefined> =>
      (await listTokens(driveway)).find((one) => one.id === id)?.lastUsed
    expect(await lastUsed()).toBeNull()
    const since = Date.now() + clock
    await list(headers)
    await until(async () => (await lastUsed()) !== null)
    const first = await lastUsed()
    expect(Date.parse(first ?? '')).toBeGreaterThanOrEqual(since)
    clock += 59 * 60_000
    await list(headers)
    clock += 2 * 60_000
    await list(headers)
    await until(async () => (await lastUsed()) !== first)
  })

  test('noting it fails no request, and is told in the log', async () => {
    const headers = await createBearer(driveway)
    driveway.google.faults.add({ operation: 'firestore.commit', status: 400, times: 9 })
    const before = driveway.lines.length
    expect((await list(headers)).status).toBe(200)
    await until(() => driveway.lines.slice(before).some((line) => line.includes('use not noted')))
    driveway.google.faults.clear()
  })

  test('a request with a token that was used a moment ago asks Firestore nothing', async () => {
    const { id, token } = await createToken(driveway)
    const headers = { authorization: `Bearer ${token}` }
    await list(headers)
    await until(async () =>
      (await listTokens(driveway)).some((one) => one.id === id && one.lastUsed),
    )
    driveway.google.calls.length = 0
    expect((await list(headers)).status).toBe(200)
    expect((await put(headers)).status).toBe(201)
    expect(driveway.google.calls.filter((call) => call.startsWith('firestore.'))).toEqual([])
  })
})

describe('a token ends (case 21)', () => {
  test('at once where it is revoked, and within a minute at every other instance', async () => {
    const { id, token } = await createToken(driveway)
    const headers = { authorization: `Bearer ${token}` }
    expect((await list(headers, beside)).status).toBe(200)
    expect((await revokeToken(driveway, id)).status).toBe(204)
    expect(outcome(await list(headers))).toEqual([401, 'invalid_token'])
    clock += 60_000
    expect(outcome(await list(headers, beside))).toEqual([401, 'invalid_token'])
    expect((await listTokens(driveway)).filter((one) => one.id === id)).toEqual([])
  })

  test('when its time is over', async () => {
    const headers = await createBearer(driveway, { expiresInDays: 1 })
    expect((await list(headers)).status).toBe(200)
    clock += 24 * 60 * 60_000
    expect(outcome(await list(headers))).toEqual([401, 'invalid_token'])
  })

  test('by its owner alone; another account’s is as one that is not there (case 31)', async () => {
    const { id } = await createToken(driveway)
    const theirs = await sessionOf('ben@example.com')
    const foreign = await revokeToken(driveway, id, theirs)
    expect(strip(foreign)).toEqual(strip(await revokeToken(driveway, '0'.repeat(64), theirs)))
    expect(foreign.status).toBe(404)
    expect((await listTokens(driveway)).some((one) => one.id === id)).toBe(true)
    expect(outcome(await revokeToken(driveway, id, driveway.bearer))).toEqual([
      403,
      'scope_insufficient',
    ])
  })

  test('and no session is ended as if it were a token', async () => {
    const session = await sessionOf('ada@example.com')
    const secret = /^__session=([\w-]*)/.exec(session['cookie'] ?? '')?.[1] ?? ''
    const id = createHash('sha256').update(secret).digest('hex')
    expect((await revokeToken(driveway, id)).status).toBe(404)
    expect((await list(session)).status).toBe(200)
  })
})

test('what was made and ended is in the audit trail', async () => {
  const { id } = await createToken(driveway, { name: 'audited', scopes: ['upload'] })
  await revokeToken(driveway, id)
  const events = driveway.logs.filter((line) => line['tokenId'] === id)
  expect(events).toMatchObject([
    { message: 'token_made', audit: true, scopes: 'upload', sub: driveway.sub },
    { message: 'token_revoked', audit: true, sub: driveway.sub },
  ])
})
