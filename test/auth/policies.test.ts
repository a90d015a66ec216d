/** CI with no secret: which jobs' tokens count as a credential, set by the account that they are for. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { signIn } from '../../infra/local/sign-in.ts'
import { codeOf, send, startDriveway } from '../kit/environment.ts'
import type { Driveway } from '../kit/environment.ts'
import { until } from '../kit/wait-for.ts'
import { requestAsJob, jobToken, setPolicy, putPolicy } from '../kit/policies.ts'
import type { Policy } from '../kit/policies.ts'
import { storedDocuments } from '../kit/sign-in.ts'

let driveway: Driveway
let other: Driveway
/** Somebody else, with an account of their own. */
let grace: Driveway
let clock = 0
const now = (): number => Date.now() + clock

beforeAll(async () => {
  driveway = await startDriveway({ gateway: { now }, google: { ci: { now } } })
  other = await startDriveway({ beside: driveway, gateway: { now } })
  const cookie = await signIn(driveway.origin, driveway.google.oauth.users[1]?.email ?? '')
  grace = { ...driveway, session: { cookie, origin: driveway.origin } }
})
afterAll(async () => {
  await other.close()
  await driveway.close()
})
beforeEach(async () => {
  clock = 0
  for (const { name } of await listed()) await request('DELETE', `/${name}`)
})

const request = (method: string, path = '', headers = driveway.session): ReturnType<typeof send> =>
  send(driveway.origin, `/auth/policies${path}`, { method, headers })

async function listed(headers = driveway.session): Promise<Policy[]> {
  const answer = await request('GET', '', headers)
  return (JSON.parse(answer.body) as { policies: Policy[] }).policies
}

describe('a policy', () => {
  test('is set, shown, replaced and removed', async () => {
    const first = await putPolicy(driveway, 'deploy', { claims: { repository: 'me/*' } })
    expect(first.status).toBe(201)
    const set = JSON.parse(first.body) as Policy
    expect(set).toEqual({
      name: 'deploy',
      audience: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/ci\/[\da-f]{32}\.[\w-]{22}$/),
      issuer: driveway.google.ci.issuer,
      claims: { repository: 'me/*' },
      folder: null,
      scopes: ['files:read', 'upload'],
      maxBytes: null,
      maxFiles: null,
      created: expect.stringMatching(/Z$/),
      expires: null,
    })
    expect(JSON.parse((await request('GET', '/deploy')).body)).toEqual(set)
    expect(JSON.parse((await request('GET')).body)).toEqual({
      policies: [set],
      issuers: [driveway.google.ci.issuer],
    })
    // An answer can be sent back changed; what is ours stays.
    const changed = {
      ...set,
      audience: 'x',
      scopes: ['upload'],
      maxBytes: 7,
      maxFiles: 2,
      expires: undefined,
    }
    const second = await putPolicy(driveway, 'deploy', { ...changed, expiresInDays: 30 })
    expect([second.status, JSON.parse(second.body)]).toEqual([
      200,
      {
        ...set,
        scopes: ['upload'],
        maxBytes: 7,
        maxFiles: 2,
        expires: expect.stringMatching(/Z$/),
      },
    ])
    expect((await request('DELETE', '/deploy')).status).toBe(204)
    expect((await request('DELETE', '/deploy')).status).toBe(404)
    expect((await request('GET', '/deploy')).status).toBe(404)
    expect(await listed()).toEqual([])
  })

  test('can be bound to a folder that is there', async () => {
    const made = await send(driveway.origin, '/files', {
      method: 'POST',
      headers: { ...driveway.bearer, 'content-type': 'application/json' },
      body: '{"name":"Builds"}',
    })
    const { id } = JSON.parse(made.body) as { id: string }
    expect((await setPolicy(driveway, 'a', { folder: id })).folder).toEqual({ id, name: 'Builds' })
    expect((await setPolicy(driveway, 'a', { folder: { id, name: 'x' } })).folder).toEqual({
      id,
      name: 'Builds',
    })
    expect(codeOf(await putPolicy(driveway, 'b', { folder: 'nowhere-to-be-found' }))).toBe(
      'drive_not_found',
    )
    expect(await listed()).toHaveLength(1)
  })

  test.each<[string, Record<string, unknown>]>([
    ['no issuer', { issuer: undefined }],
    ['another issuer', { issuer: 'https://evil.example' }],
    ['Google as issuer', { issuer: 'https://accounts.google.com' }],
    ['an issuer with a slash', { issuer: 'http://127.0.0.1/ci/' }],
    ['no claims', { claims: undefined }],
    ['claims that are a list', { claims: ['repository'] }],
    ['no claim at all', { claims: {} }],
    ['nobody named', { claims: { ref: 'refs/heads/main' } }],
    ['everybody named', { claims: { repository: '**' } }],
    ['an owner left open', { claims: { repository: 'me*/app' } }],
    ['a subject left open', { claims: { sub: 'repo:*' } }],
    ['an empty pattern', { claims: { repository: 'me/app', ref: '' } }],
    ['a pattern that is a number', { claims: { repository_id: 42 } }],
    ['a pattern that is a list', { claims: { repository: ['me/app'] } }],
    ['a long pattern', { claims: { repository: `me/${'x'.repeat(300)}` } }],
    ['a pattern with a line break', { claims: { repository: 'me/app\n' } }],
    ['the audience as a claim', { claims: { repository: 'me/app', aud: '**' } }],
    ['the issuer as a claim', { claims: { repository: 'me/app', iss: '**' } }],
    ['the end as a claim', { claims: { repository: 'me/app', exp: '**' } }],
    ['a claim without a name', { claims: { repository: 'me/app', '': 'x' } }],
    ['a member nobody knows', { claim: { ref: 'refs/heads/main' } }],
    ['no scope', { scopes: [] }],
    ['a scope nobody knows', { scopes: ['upload', 'admin'] }],
    ['scopes as a text', { scopes: 'upload' }],
    ['a limit of nothing', { maxBytes: 0 }],
    ['half a file', { maxFiles: 0.5 }],
    ['a limit as a text', { maxFiles: '5' }],
    ['an end in the past', { expiresInDays: -1 }],
    ['an end far away', { expiresInDays: 9_999 }],
    ['a folder that is a number', { folder: 7 }],
    [
      'more claims than a policy may have',
      { claims: Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`c${n}`, 'x'])) },
    ],
  ])('%s is refused, and nothing is set', async (_, terms) => {
    const answer = await putPolicy(driveway, 'deploy', terms)
    expect([answer.status, codeOf(answer)]).toEqual([400, 'bad_request'])
    expect(await listed()).toEqual([])
  })

  test('a claim called __proto__ is no claim', async () => {
    const body = `{"issuer":"${driveway.google.ci.issuer}","claims":{"repository":"me/app","__proto__":{"x":"y"}}}`
    const headers = { ...driveway.session, 'content-type': 'application/json' }
    const answer = await send(driveway.origin, '/auth/policies/p', { method: 'PUT', headers, body })
    expect(codeOf(answer)).toBe('bad_request')
  })

  test.each(['', '%2e%2e', '.x', 'a/b', 'a%20b', 'x'.repeat(65)])(
    'the name %p is no address',
    async (name) => {
      const answer = await putPolicy(driveway, name)
      expect([404, 405]).toContain(answer.status)
    },
  )

  test('is set by its owner in person, and seen by nobody else (cases 22, 31)', async () => {
    const { cookie = '', origin = '' } = driveway.session
    await setPolicy(driveway, 'mine')
    expect(await listed(grace.session)).toEqual([])
    expect((await request('GET', '/mine', grace.session)).status).toBe(404)
    expect((await request('DELETE', '/mine', grace.session)).status).toBe(404)
    for (const [headers, code] of [
      [{}, 'login_required'],
      [driveway.bearer, 'scope_insufficient'],
      [{ cookie, origin: 'https://evil.example' }, 'csrf'],
      [{ cookie }, 'csrf'],
      [{ ...driveway.bearer, cookie, origin }, 'scope_insufficient'],
    ] as [Record<string, string>, string][]) {
      expect(codeOf(await putPolicy(driveway, 'mine', {}, headers))).toBe(code)
      expect(codeOf(await request('DELETE', '/mine', headers))).toBe(code)
    }
    expect(await listed()).toHaveLength(1)
  })

  test('is in the log when it is set and removed', async () => {
    await setPolicy(driveway, 'logged')
    await request('DELETE', '/logged')
    const { sub } = driveway
    const what = { audit: true, sub, policy: 'logged' }
    expect(driveway.logs).toContainEqual(
      expect.objectContaining({ message: 'policy_set', ...what }),
    )
    expect(driveway.logs).toContainEqual(
      expect.objectContaining({ message: 'policy_removed', ...what }),
    )
  })
})

describe('a job', () => {
  test('that fits is let in at every instance, as often as it likes', async () => {
    const { audience } = await setPolicy(driveway, 'deploy', {
      claims: { repository: 'me/*', ref: 'refs/heads/**' },
    })
    const token = await jobToken(driveway, audience)
    for (const place of [driveway, other, driveway])
      expect((await requestAsJob(place, token)).status).toBe(200)
    const feature = await jobToken(driveway, [audience], { ref: 'refs/heads/feature/x' })
    expect((await requestAsJob(driveway, feature)).status).toBe(200)
    const answer = await requestAsJob(driveway, token, '/auth/session')
    expect(JSON.parse(answer.body)).toMatchObject({ signedIn: true, email: 'ada@example.com' })
  })

  test('may do what its policy says', async () => {
    const { audience } = await setPolicy(driveway, 'deploy', { scopes: ['upload'] })
    const token = await jobToken(driveway, audience)
    const headers = { authorization: `Bearer ${token}` }
    expect(codeOf(await requestAsJob(driveway, token))).toBe('scope_insufficient')
    const sent = await send(driveway.origin, '/upload/from-ci.txt', {
      method: 'PUT',
      headers,
      body: 'x',
    })
    expect(sent.status).toBe(201)
    for (const [method, path] of [
      ['POST', '/auth/tokens'],
      ['GET', '/auth/tokens'],
      ['GET', '/auth/policies'],
      ['PUT', '/auth/policies/mine'],
      ['DELETE', '/auth/session'],
      ['GET', '/auth/device/BCDF-GHJK'],
    ] as const) {
      const answer = await send(driveway.origin, path, { method, headers })
      expect([path, codeOf(answer)]).toEqual([path, 'scope_insufficient'])
    }
  })

  test('is held to its policy’s limits, whichever of its tokens it shows', async () => {
    const { audience } = await setPolicy(driveway, 'deploy', { maxFiles: 2 })
    const put = async (name: string): ReturnType<typeof send> =>
      send(driveway.origin, `/upload/${name}`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${await jobToken(driveway, audience)}` },
        body: 'x',
      })
    expect([(await put('1.txt')).status, (await put('2.txt')).status]).toEqual([201, 201])
    const third = await put('3.txt')
    expect([third.status, codeOf(third)]).toEqual([403, 'token_quota_exceeded'])
  })

  test('that is bound to a folder stays inside', async () => {
    const { audience, folder } = await setPolicy(driveway, 'deploy', { path: 'Builds/nightly' })
    expect(folder).toMatchObject({ name: 'nightly' })
    const token = await jobToken(driveway, audience)
    const headers = { authorization: `Bearer ${token}` }
    const sent = await send(driveway.origin, '/upload/log.txt', {
      method: 'PUT',
      headers,
      body: 'x',
    })
    expect(sent.status).toBe(201)
    const inside = await requestAsJob(driveway, token, '/files')
    expect(
      (JSON.parse(inside.body) as { files: { name: string }[] }).files.map(({ name }) => name),
    ).toEqual(['log.txt'])
    expect((await requestAsJob(driveway, token, '/files?folder=root')).status).toBe(404)
  })

  test.each<[string, Record<string, unknown>]>([
    ['another repository', { repository: 'me/other' }],
    ['another owner', { repository: 'evil/app' }],
    ['a repository that goes on', { repository: 'me/app-evil' }],
    ['another case', { repository: 'Me/app' }],
    ['no repository', { repository: null }],
    ['an empty one', { repository: '' }],
    ['a list with the right one', { repository: ['me/app'] }],
    ['an object', { repository: { 'me/app': true } }],
    ['another branch', { ref: 'refs/heads/evil' }],
    ['a branch called as the tag', { ref: 'refs/tags/main' }],
    ['a pull request', { ref: 'refs/pull/7/merge' }],
  ])('of %s is refused', async (_, claims) => {
    const { audience } = await setPolicy(driveway, 'deploy', {
      claims: { repository: 'me/app', ref: 'refs/heads/main' },
    })
    const answer = await requestAsJob(driveway, await jobToken(driveway, audience, claims))
    expect([answer.status, codeOf(answer)]).toEqual([403, 'policy_mismatch'])
    expect((await requestAsJob(driveway, await jobToken(driveway, audience))).status).toBe(200)
  })

  test('learns nothing of which policies there are: each refusal is the same', async () => {
    const { audience } = await setPolicy(driveway, 'deploy')
    const [head = ''] = audience.split('.')
    const refusals = await Promise.all(
      [
        jobToken(driveway, audience, { repository: 'evil/app' }),
        jobToken(driveway, audience.slice(0, -1) + (audience.endsWith('A') ? 'B' : 'A')),
        jobToken(driveway, `${head}.${'A'.repeat(22)}`),
        jobToken(driveway, `${driveway.origin}/ci/${'0'.repeat(32)}.${'A'.repeat(22)}`),
        jobToken(driveway, `${driveway.origin}/ci/../policies`),
        jobToken(driveway, `${driveway.origin}/ci/`),
        jobToken(driveway, driveway.origin),
        jobToken(driveway, 'https://github.com/me'),
        jobToken(driveway, `${audience}x`),
      ].map(async (token) => requestAsJob(driveway, await token)),
    )
    const told = refusals.map(({ status, body }) => {
      const { requestId, ...problem } = JSON.parse(body) as Record<string, unknown>
      void requestId
      return { status, ...problem }
    })
    expect(told[0]).toMatchObject({ status: 403, code: 'policy_mismatch' })
    for (const one of told) expect(one).toEqual(told[0])
  })

  test('of one account’s policy gets nothing of another’s', async () => {
    const [mine, hers] = [await setPolicy(driveway, 'deploy'), await setPolicy(grace, 'deploy')]
    expect(mine.audience).not.toBe(hers.audience)
    const answer = await requestAsJob(
      driveway,
      await jobToken(driveway, hers.audience),
      '/auth/session',
    )
    expect(JSON.parse(answer.body)).toMatchObject({ email: driveway.google.oauth.users[1]?.email })
    await request('DELETE', '/deploy', grace.session)
    const after = await requestAsJob(driveway, await jobToken(driveway, hers.audience))
    expect(codeOf(after)).toBe('policy_mismatch')
  })

  test('is out as soon as its policy is changed, within a minute elsewhere', async () => {
    const { audience } = await setPolicy(driveway, 'deploy')
    const token = await jobToken(driveway, audience)
    for (const place of [driveway, other])
      expect((await requestAsJob(place, token)).status).toBe(200)
    await setPolicy(driveway, 'deploy', { claims: { repository: 'me/other' } })
    expect(codeOf(await requestAsJob(driveway, token))).toBe('policy_mismatch')
    clock = 61_000
    expect(codeOf(await requestAsJob(other, token))).toBe('policy_mismatch')
    await setPolicy(driveway, 'deploy')
    clock = 122_000
    for (const place of [driveway, other])
      expect((await requestAsJob(place, token)).status).toBe(200)
    await request('DELETE', '/deploy')
    expect(codeOf(await requestAsJob(driveway, token))).toBe('policy_mismatch')
    clock = 183_000
    expect(codeOf(await requestAsJob(other, token))).toBe('policy_mismatch')
    // The same name later is another policy.
    expect((await setPolicy(driveway, 'deploy')).audience).not.toBe(audience)
  })

  test('is out when its policy is over', async () => {
    const { audience } = await setPolicy(driveway, 'deploy', { expiresInDays: 1 })
    clock = 86_400_000 - 1_000
    expect((await requestAsJob(driveway, await jobToken(driveway, audience))).status).toBe(200)
    clock = 86_400_000 + 1_000
    const answer = await requestAsJob(driveway, await jobToken(driveway, audience))
    expect(codeOf(answer)).toBe('policy_mismatch')
  })

  test('whose policy is warm costs no look into the store', async () => {
    const { audience } = await setPolicy(driveway, 'deploy')
    const token = await jobToken(driveway, audience)
    const uses = (): number => storedDocuments(driveway.google, 'usage').length
    const before = uses()
    await requestAsJob(driveway, token)
    // That it was used is noted beside the request, once an hour.
    await until(() => uses() !== before)
    driveway.google.calls.length = 0
    await requestAsJob(driveway, token)
    expect(driveway.google.calls.filter((call) => /^(ci|firestore)\./.test(call))).toEqual([])
  })
})

test('the store has the policies of an account in one document, with no token in it', async () => {
  const { audience } = await setPolicy(driveway, 'deploy')
  const token = await jobToken(driveway, audience)
  await requestAsJob(driveway, token)
  const mine = storedDocuments(driveway.google, 'policies').map((document) =>
    JSON.stringify(document),
  )
  expect(mine.filter((document) => document.includes(driveway.sub))).toHaveLength(1)
  expect(JSON.stringify(driveway.google.firestore.dump())).not.toContain(token)
  expect(driveway.lines.join('')).not.toMatch(/eyJ/)
})
