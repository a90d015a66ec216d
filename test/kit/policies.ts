/** CI policies, and ID tokens of CI jobs. */
import { send } from './environment.ts'
import type { Driveway, RawResponse } from './environment.ts'

export interface Policy {
  name: string
  audience: string
  issuer: string
  claims: Record<string, string>
  folder: { id: string; name: string } | null
  scopes: string[]
  maxBytes: number | null
  maxFiles: number | null
  created: string
  expires: string | null
}

type Account = Pick<Driveway, 'origin' | 'session' | 'google'>

export function putPolicy(
  { origin, session, google }: Account,
  name: string,
  params: Record<string, unknown> = {},
  headers: Record<string, string> = session,
): Promise<RawResponse> {
  const policy = { issuer: google.ci.issuer, claims: { repository: 'me/app' }, ...params }
  return send(origin, `/auth/policies/${name}`, {
    method: 'PUT',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(policy),
  })
}

/** Creates or replaces a policy and returns it. */
export async function setPolicy(
  account: Account,
  name: string,
  params: Record<string, unknown> = {},
): Promise<Policy> {
  const response = await putPolicy(account, name, params)
  if (response.status > 201) throw new Error(`No policy: ${response.status} ${response.body}`)
  return JSON.parse(response.body) as Policy
}

/** Signs an ID token of a job of `me/app` on its main branch. `claims` override the defaults. */
export function jobToken(
  { google }: Pick<Driveway, 'google'>,
  audience: unknown,
  claims: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
): Promise<string> {
  const payload = {
    sub: 'repo:me/app:ref:refs/heads/main',
    repository: 'me/app',
    repository_owner: 'me',
    ref: 'refs/heads/main',
    aud: audience,
    ...claims,
  }
  return google.ci.mint(google.ci.issuer, payload, header)
}

/** Sends a request with the token of a job. */
export function requestAsJob(
  { origin }: Pick<Driveway, 'origin'>,
  token: string,
  path = '/files?pageSize=1',
): Promise<RawResponse> {
  return send(origin, path, { headers: { authorization: `Bearer ${token}` } })
}
