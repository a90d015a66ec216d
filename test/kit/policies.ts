/** Policies and the tokens of jobs. */
import { send } from './environment.ts'
import type { Driveway, RawAnswer } from './environment.ts'

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
  terms: Record<string, unknown> = {},
  headers: Record<string, string> = session,
): Promise<RawAnswer> {
  const said = { issuer: google.ci.issuer, claims: { repository: 'me/app' }, ...terms }
  return send(origin, `/auth/policies/${name}`, {
    method: 'PUT',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(said),
  })
}

/** A policy that is there now. */
export async function setPolicy(
  at: Account,
  name: string,
  terms: Record<string, unknown> = {},
): Promise<Policy> {
  const answer = await putPolicy(at, name, terms)
  if (answer.status > 201) throw new Error(`Cannot set: ${answer.status} ${answer.body}`)
  return JSON.parse(answer.body) as Policy
}

/** The token of a job of `me/app` on its main branch, with these claims changed. */
export function jobToken(
  { google }: Pick<Driveway, 'google'>,
  audience: unknown,
  claims: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
): Promise<string> {
  const said = {
    sub: 'repo:me/app:ref:refs/heads/main',
    repository: 'me/app',
    repository_owner: 'me',
    ref: 'refs/heads/main',
    aud: audience,
    ...claims,
  }
  return google.ci.mint(google.ci.issuer, said, header)
}

/** A job's request. */
export function requestAsJob(
  { origin }: Pick<Driveway, 'origin'>,
  token: string,
  path = '/files?pageSize=1',
): Promise<RawAnswer> {
  return send(origin, path, { headers: { authorization: `Bearer ${token}` } })
}
