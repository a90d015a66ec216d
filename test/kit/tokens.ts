/** Tokens, as their owner makes them. */
import { send } from './environment.ts'
import type { Driveway, RawAnswer } from './environment.ts'

export interface CreatedToken {
  id: string
  name: string
  token: string
  scopes: string[]
  folder: { id: string; name: string } | null
  maxBytes: number | null
  maxFiles: number | null
  created: string
  expires: string
}

export interface ListedToken extends Omit<CreatedToken, 'token'> {
  usedBytes: number
  usedFiles: number
  lastUsed: string | null
}

type Account = Pick<Driveway, 'origin' | 'session'>

export function postToken(at: Account, terms: unknown, headers = at.session): Promise<RawAnswer> {
  return send(at.origin, '/auth/tokens', {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(terms),
  })
}

export async function createToken(at: Account, terms: object = {}): Promise<CreatedToken> {
  const answer = await postToken(at, terms)
  if (answer.status !== 201) throw new Error(`No token: ${answer.status} ${answer.body}`)
  return JSON.parse(answer.body) as CreatedToken
}

/** A new token, as an `Authorization` header. */
export async function createBearer(
  at: Account,
  terms: object = {},
): Promise<Record<string, string>> {
  return { authorization: `Bearer ${(await createToken(at, terms)).token}` }
}

export async function listTokens(at: Account, headers = at.session): Promise<ListedToken[]> {
  const answer = await send(at.origin, '/auth/tokens', { headers })
  if (answer.status !== 200) throw new Error(`No list: ${answer.status} ${answer.body}`)
  return (JSON.parse(answer.body) as { tokens: ListedToken[] }).tokens
}

export function revokeToken(at: Account, id: string, headers = at.session): Promise<RawAnswer> {
  return send(at.origin, `/auth/tokens/${id}`, { method: 'DELETE', headers })
}
