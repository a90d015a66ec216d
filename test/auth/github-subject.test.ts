/** GitHub's two forms of the subject: by name, and by name with the immutable ids of owner and repository. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { startDriveway } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'
import { jobToken, requestAsJob, setPolicy } from '../kit/policies.ts'
import { expectProblem, parseJson, withoutRequestId } from '../kit/requests.ts'

const ids = { repository_id: '456', repository_owner_id: '123' }
const byName = 'repo:me/app:ref:refs/heads/main'
const byId = 'repo:me@123/app@456:ref:refs/heads/main'
const generic = 'Compare the claims and the audience of the job’s token with the policy'

let driveway: Driveway
beforeAll(async () => {
  driveway = await startDriveway()
})
afterAll(() => driveway.close())

/** Sends a request of a job to a policy with these claims. */
async function request(
  policyClaims: Record<string, string>,
  jobClaims: Record<string, unknown>,
): Promise<RawResponse> {
  const { audience } = await setPolicy(driveway, 'deploy', { claims: policyClaims })
  return requestAsJob(driveway, await jobToken(driveway, audience, { ...ids, ...jobClaims }))
}

const detailOf = (response: RawResponse): string => String(parseJson(response)['detail'])

describe('a policy that matches sub by name', () => {
  test.each([
    byName,
    'repo:me/*:ref:refs/heads/main',
    'repo:me/app:ref:refs/**',
    'repo:me/app:ref:refs/heads/m*',
  ])('%s: a job whose sub has ids is told the form and what would match', async (sub) => {
    const response = await request({ sub }, { sub: byId })
    expectProblem(response, 403, 'policy_mismatch')
    expect(detailOf(response)).toBe(
      `The claim sub came with ids, as "${byId}", and the policy has it without. Match repository_id "456" and repository_owner_id "123" instead, or sub with the ids`,
    )
  })

  test('accepts a job whose sub has no ids', async () => {
    expect((await request({ sub: byName }, { sub: byName })).status).toBe(200)
  })
})

describe('a policy that matches sub with ids', () => {
  test('tells a job whose sub has no ids the form and what would match', async () => {
    const response = await request({ sub: byId }, { sub: byName })
    expectProblem(response, 403, 'policy_mismatch')
    expect(detailOf(response)).toBe(
      `The claim sub came without ids, as "${byName}", and the policy has it with ids. Match repository_id "456" and repository_owner_id "123" instead, or sub without the ids`,
    )
  })

  test('accepts a job whose sub has the ids', async () => {
    expect((await request({ sub: byId }, { sub: byId })).status).toBe(200)
    expect((await request({ sub: 'repo:me@123/*:ref:**' }, { sub: byId })).status).toBe(200)
  })
})

test.each([byName, byId])(
  'A policy with repository_id accepts a job with the sub %s',
  async (sub) => {
    expect((await request({ ...ids, ref: 'refs/heads/*' }, { sub })).status).toBe(200)
  },
)

describe('a job is told nothing about the policy', () => {
  test.each<[string, Record<string, string>, Record<string, unknown>]>([
    ['of another owner', { sub: byName }, { sub: 'repo:evil@9/app@8:ref:refs/heads/main' }],
    ['of another repository', { sub: byName }, { sub: 'repo:me@123/other@7:ref:refs/heads/main' }],
    ['of another branch', { sub: byName }, { sub: 'repo:me@123/app@456:ref:refs/heads/evil' }],
    ['with other ids', { sub: byId }, { sub: 'repo:me@123/app@9:ref:refs/heads/main' }],
    ['with another claim that differs', { sub: byName, actor: 'ada' }, { sub: byId, actor: 'eve' }],
    ['without sub', { sub: byName }, { sub: null }],
    ['with a sub that is a list', { sub: byName }, { sub: [byId] }],
    ['with malformed ids', { sub: byName }, { sub: 'repo:me@x/app@456:ref:refs/heads/main' }],
    [
      'with a sub over the maximum length',
      { sub: 'repo:me/app:**' },
      { sub: `${byId}${'x'.repeat(2_048)}` },
    ],
  ])('%s', async (_, policyClaims, jobClaims) => {
    const response = await request(policyClaims, jobClaims)
    expect([response.status, detailOf(response)]).toEqual([403, generic])
    const { audience } = await setPolicy(driveway, 'other')
    const unknown = `${audience.slice(0, -22)}${'A'.repeat(22)}`
    expect(withoutRequestId(response)).toEqual(
      withoutRequestId(await requestAsJob(driveway, await jobToken(driveway, unknown))),
    )
  })
})
