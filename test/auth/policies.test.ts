/** CI policies: an account defines which CI jobs may authenticate with their OIDC token. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { signIn } from '../../infra/local/sign-in.ts'
import { problemCode, send, startDriveway } from '../kit/environment.ts'
import type { Driveway } from '../kit/environment.ts'
import { fileNames, postJson, putFile, statusAndCode } from '../kit/requests.ts'
import { waitFor } from '../kit/wait-for.ts'
import { requestAsJob, jobToken, setPolicy, putPolicy } from '../kit/policies.ts'
import type { Policy } from '../kit/policies.ts'
import { storedDocuments } from '../kit/sign-in.ts'

let driveway: Driveway
let otherInstance: Driveway
/** The gateway with the session of another account. */
let otherAccount: Driveway
let clock = 0
const now = (): number => Date.now() + clock

beforeAll(async () => {
  driveway = await startDriveway({ gateway: { now }, google: { ci: { now } } })
  otherInstance = await startDriveway({ sharing: driveway, gateway: { now } })
  const cookie = await signIn(driveway.origin, driveway.google.oauth.users[1]?.email ?? '')
  otherAccount = { ...driveway, session: { cookie, origin: driveway.origin } }
})
afterAll(async () => {
  await otherInstance.close()
  await driveway.close()
})
beforeEach(async () => {
  clock = 0
  for (const { name } of await listPolicies()) await requestPolicies('DELETE', `/${name}`)
})

const requestPolicies = (
  method: string,
  path = '',
  headers = driveway.session,
): ReturnType<typeof send> => send(driveway.origin, `/auth/policies${path}`, { method, headers })

async function listPolicies(headers = driveway.session): Promise<Policy[]> {
  const response = await requestPolicies('GET', '', headers)
  return (JSON.parse(response.body) as { policies: Policy[] }).policies
}

describe('/auth/policies', () => {
  test('creates, returns, replaces and deletes a policy', async () => {
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
    expect(JSON.parse((await requestPolicies('GET', '/deploy')).body)).toEqual(set)
    expect(JSON.parse((await requestPolicies('GET')).body)).toEqual({
      policies: [set],
      issuers: [driveway.google.ci.issuer],
    })
    // A changed response can be sent back; the read-only members stay.
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
    expect((await requestPolicies('DELETE', '/deploy')).status).toBe(204)
    expect((await requestPolicies('DELETE', '/deploy')).status).toBe(404)
    expect((await requestPolicies('GET', '/deploy')).status).toBe(404)
    expect(await listPolicies()).toEqual([])
  })

  test('limits a policy to an existing folder', async () => {
    const created = await postJson(driveway, '/files', driveway.bearer, { name: 'Builds' })
    const { id } = JSON.parse(created.body) as { id: string }
    expect((await setPolicy(driveway, 'a', { folder: id })).folder).toEqual({ id, name: 'Builds' })
    expect((await setPolicy(driveway, 'a', { folder: { id, name: 'x' } })).folder).toEqual({
      id,
      name: 'Builds',
    })
    expect(problemCode(await putPolicy(driveway, 'b', { folder: 'nowhere-to-be-found' }))).toBe(
      'drive_not_found',
    )
    expect(await listPolicies()).toHaveLength(1)
  })

  test.each<[string, Record<string, unknown>]>([
    ['without issuer', { issuer: undefined }],
    ['with an issuer that is not configured', { issuer: 'https://evil.example' }],
    ['with Google as issuer', { issuer: 'https://accounts.google.com' }],
    ['with a trailing slash in the issuer', { issuer: 'http://127.0.0.1/ci/' }],
    ['without claims', { claims: undefined }],
    ['with claims that are a list', { claims: ['repository'] }],
    ['with empty claims', { claims: {} }],
    ['without a claim that names an owner', { claims: { ref: 'refs/heads/main' } }],
    ['with a pattern that matches every owner', { claims: { repository: '**' } }],
    ['with a wildcard in the owner', { claims: { repository: 'me*/app' } }],
    ['with a wildcard in the subject’s owner', { claims: { sub: 'repo:*' } }],
    ['with an empty pattern', { claims: { repository: 'me/app', ref: '' } }],
    ['with a pattern that is a number', { claims: { repository_id: 42 } }],
    ['with a pattern that is a list', { claims: { repository: ['me/app'] } }],
    ['with a pattern over the maximum length', { claims: { repository: `me/${'x'.repeat(300)}` } }],
    ['with a line break in a pattern', { claims: { repository: 'me/app\n' } }],
    ['with the claim aud', { claims: { repository: 'me/app', aud: '**' } }],
    ['with the claim iss', { claims: { repository: 'me/app', iss: '**' } }],
    ['with the claim exp', { claims: { repository: 'me/app', exp: '**' } }],
    ['with an empty claim name', { claims: { repository: 'me/app', '': 'x' } }],
    ['with an unknown member', { claim: { ref: 'refs/heads/main' } }],
    ['with empty scopes', { scopes: [] }],
    ['with an unknown scope', { scopes: ['upload', 'admin'] }],
    ['with scopes that are a string', { scopes: 'upload' }],
    ['with maxBytes 0', { maxBytes: 0 }],
    ['with maxFiles 0.5', { maxFiles: 0.5 }],
    ['with maxFiles that is a string', { maxFiles: '5' }],
    ['with a negative expiresInDays', { expiresInDays: -1 }],
    ['with expiresInDays over the maximum', { expiresInDays: 9_999 }],
    ['with a folder that is a number', { folder: 7 }],
    [
      'with more than the maximum number of claims',
      { claims: Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`c${n}`, 'x'])) },
    ],
  ])('rejects a policy %s and stores nothing', async (_, params) => {
    const response = await putPolicy(driveway, 'deploy', params)
    expect([response.status, problemCode(response)]).toEqual([400, 'bad_request'])
    expect(await listPolicies()).toEqual([])
  })

  test('rejects a claim named __proto__', async () => {
    const body = `{"issuer":"${driveway.google.ci.issuer}","claims":{"repository":"me/app","__proto__":{"x":"y"}}}`
    const headers = { ...driveway.session, 'content-type': 'application/json' }
    const response = await send(driveway.origin, '/auth/policies/p', {
      method: 'PUT',
      headers,
      body,
    })
    expect(problemCode(response)).toBe('bad_request')
  })

  test.each(['', '%2e%2e', '.x', 'a/b', 'a%20b', 'x'.repeat(65)])(
    'rejects the policy name %p',
    async (name) => {
      const response = await putPolicy(driveway, name)
      expect([404, 405]).toContain(response.status)
    },
  )

  test('requires a session and an allowed origin; other accounts do not see the policy', async () => {
    const { cookie = '', origin = '' } = driveway.session
    await setPolicy(driveway, 'mine')
    expect(await listPolicies(otherAccount.session)).toEqual([])
    expect((await requestPolicies('GET', '/mine', otherAccount.session)).status).toBe(404)
    expect((await requestPolicies('DELETE', '/mine', otherAccount.session)).status).toBe(404)
    for (const [headers, code] of [
      [{}, 'login_required'],
      [driveway.bearer, 'scope_insufficient'],
      [{ cookie, origin: 'https://evil.example' }, 'csrf'],
      [{ cookie }, 'csrf'],
      [{ ...driveway.bearer, cookie, origin }, 'scope_insufficient'],
    ] as [Record<string, string>, string][]) {
      expect(problemCode(await putPolicy(driveway, 'mine', {}, headers))).toBe(code)
      expect(problemCode(await requestPolicies('DELETE', '/mine', headers))).toBe(code)
    }
    expect(await listPolicies()).toHaveLength(1)
  })

  test('writes an audit event when a policy is set and deleted', async () => {
    await setPolicy(driveway, 'logged')
    await requestPolicies('DELETE', '/logged')
    const { sub } = driveway
    const event = { audit: true, sub, policy: 'logged' }
    expect(driveway.logs).toContainEqual(
      expect.objectContaining({ message: 'policy_set', ...event }),
    )
    expect(driveway.logs).toContainEqual(
      expect.objectContaining({ message: 'policy_removed', ...event }),
    )
  })
})

describe('a CI job', () => {
  test('that matches a policy is authenticated at every instance, repeatedly', async () => {
    const { audience } = await setPolicy(driveway, 'deploy', {
      claims: { repository: 'me/*', ref: 'refs/heads/**' },
    })
    const token = await jobToken(driveway, audience)
    for (const instance of [driveway, otherInstance, driveway])
      expect((await requestAsJob(instance, token)).status).toBe(200)
    const feature = await jobToken(driveway, [audience], { ref: 'refs/heads/feature/x' })
    expect((await requestAsJob(driveway, feature)).status).toBe(200)
    const response = await requestAsJob(driveway, token, '/auth/session')
    expect(JSON.parse(response.body)).toMatchObject({ signedIn: true, email: 'ada@example.com' })
  })

  test('has the scopes of its policy only', async () => {
    const { audience } = await setPolicy(driveway, 'deploy', { scopes: ['upload'] })
    const token = await jobToken(driveway, audience)
    const headers = { authorization: `Bearer ${token}` }
    expect(problemCode(await requestAsJob(driveway, token))).toBe('scope_insufficient')
    expect((await putFile(driveway, headers, 'from-ci.txt')).status).toBe(201)
    for (const [method, path] of [
      ['POST', '/auth/tokens'],
      ['GET', '/auth/tokens'],
      ['GET', '/auth/policies'],
      ['PUT', '/auth/policies/mine'],
      ['DELETE', '/auth/session'],
      ['GET', '/auth/device/BCDF-GHJK'],
    ] as const) {
      const response = await send(driveway.origin, path, { method, headers })
      expect([path, problemCode(response)]).toEqual([path, 'scope_insufficient'])
    }
  })

  test('shares the quota of its policy across all its tokens', async () => {
    const { audience } = await setPolicy(driveway, 'deploy', { maxFiles: 2 })
    const put = async (name: string): ReturnType<typeof send> => {
      const token = await jobToken(driveway, audience)
      return putFile(driveway, { authorization: `Bearer ${token}` }, name)
    }
    expect([(await put('1.txt')).status, (await put('2.txt')).status]).toEqual([201, 201])
    expect(statusAndCode(await put('3.txt'))).toEqual([403, 'token_quota_exceeded'])
  })

  test('is limited to the folder of its policy', async () => {
    const { audience, folder } = await setPolicy(driveway, 'deploy', { path: 'Builds/nightly' })
    expect(folder).toMatchObject({ name: 'nightly' })
    const token = await jobToken(driveway, audience)
    const headers = { authorization: `Bearer ${token}` }
    expect((await putFile(driveway, headers, 'log.txt')).status).toBe(201)
    expect(fileNames(await requestAsJob(driveway, token, '/files'))).toEqual(['log.txt'])
    expect((await requestAsJob(driveway, token, '/files?folder=root')).status).toBe(404)
  })

  test.each<[string, Record<string, unknown>]>([
    ['with another repository', { repository: 'me/other' }],
    ['with another owner', { repository: 'evil/app' }],
    ['with a longer repository name', { repository: 'me/app-evil' }],
    ['with a repository in another case', { repository: 'Me/app' }],
    ['without repository', { repository: null }],
    ['with an empty repository', { repository: '' }],
    ['with a list that has the right repository', { repository: ['me/app'] }],
    ['with a repository that is an object', { repository: { 'me/app': true } }],
    ['with another branch', { ref: 'refs/heads/evil' }],
    ['with a tag named like the branch', { ref: 'refs/tags/main' }],
    ['of a pull request', { ref: 'refs/pull/7/merge' }],
  ])('%s gets policy_mismatch', async (_, claims) => {
    const { audience } = await setPolicy(driveway, 'deploy', {
      claims: { repository: 'me/app', ref: 'refs/heads/main' },
    })
    const response = await requestAsJob(driveway, await jobToken(driveway, audience, claims))
    expect([response.status, problemCode(response)]).toEqual([403, 'policy_mismatch'])
    expect((await requestAsJob(driveway, await jobToken(driveway, audience))).status).toBe(200)
  })

  test('cannot find out which policies exist, because all mismatches get the same response', async () => {
    const { audience } = await setPolicy(driveway, 'deploy')
    const [head = ''] = audience.split('.')
    const rejections = await Promise.all(
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
    const problems = rejections.map(({ status, body }) => {
      const { requestId, ...problem } = JSON.parse(body) as Record<string, unknown>
      void requestId
      return { status, ...problem }
    })
    expect(problems[0]).toMatchObject({ status: 403, code: 'policy_mismatch' })
    for (const problem of problems) expect(problem).toEqual(problems[0])
  })

  test('of one account’s policy cannot access another account', async () => {
    const [mine, hers] = [
      await setPolicy(driveway, 'deploy'),
      await setPolicy(otherAccount, 'deploy'),
    ]
    expect(mine.audience).not.toBe(hers.audience)
    const response = await requestAsJob(
      driveway,
      await jobToken(driveway, hers.audience),
      '/auth/session',
    )
    expect(JSON.parse(response.body)).toMatchObject({
      email: driveway.google.oauth.users[1]?.email,
    })
    await requestPolicies('DELETE', '/deploy', otherAccount.session)
    const after = await requestAsJob(driveway, await jobToken(driveway, hers.audience))
    expect(problemCode(after)).toBe('policy_mismatch')
  })

  test('loses access when its policy changes: immediately at this instance, within a minute at others', async () => {
    const { audience } = await setPolicy(driveway, 'deploy')
    const token = await jobToken(driveway, audience)
    for (const instance of [driveway, otherInstance])
      expect((await requestAsJob(instance, token)).status).toBe(200)
    await setPolicy(driveway, 'deploy', { claims: { repository: 'me/other' } })
    expect(problemCode(await requestAsJob(driveway, token))).toBe('policy_mismatch')
    clock = 61_000
    expect(problemCode(await requestAsJob(otherInstance, token))).toBe('policy_mismatch')
    await setPolicy(driveway, 'deploy')
    clock = 122_000
    for (const instance of [driveway, otherInstance])
      expect((await requestAsJob(instance, token)).status).toBe(200)
    await requestPolicies('DELETE', '/deploy')
    expect(problemCode(await requestAsJob(driveway, token))).toBe('policy_mismatch')
    clock = 183_000
    expect(problemCode(await requestAsJob(otherInstance, token))).toBe('policy_mismatch')
    // A new policy with the same name has another audience.
    expect((await setPolicy(driveway, 'deploy')).audience).not.toBe(audience)
  })

  test('loses access when its policy expires', async () => {
    const { audience } = await setPolicy(driveway, 'deploy', { expiresInDays: 1 })
    clock = 86_400_000 - 1_000
    expect((await requestAsJob(driveway, await jobToken(driveway, audience))).status).toBe(200)
    clock = 86_400_000 + 1_000
    const response = await requestAsJob(driveway, await jobToken(driveway, audience))
    expect(problemCode(response)).toBe('policy_mismatch')
  })

  test('causes no Firestore read when its policy is cached', async () => {
    const { audience } = await setPolicy(driveway, 'deploy')
    const token = await jobToken(driveway, audience)
    const uses = (): number => storedDocuments(driveway.google, 'usage').length
    const before = uses()
    await requestAsJob(driveway, token)
    // The last use is written asynchronously, once per hour.
    await waitFor(() => uses() !== before)
    driveway.google.calls.length = 0
    await requestAsJob(driveway, token)
    expect(driveway.google.calls.filter((call) => /^(ci|firestore)\./.test(call))).toEqual([])
  })
})

test('Firestore has one policy document per account, without tokens', async () => {
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
