/** Tokens, as their owner makes them. */
import { send } from './environment.ts'
import type { Driveway, RawAnswer } from './environment.ts'

export interface MadeToken {
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

export interface ListedToken extends Omit<MadeToken, 'token'> {
  usedBytes: number
  usedFiles: number
  lastUsed: string | null
}

type At = Pick<Driveway, 'origin' | 'session'>

export function askForToken(at: At, terms: unknown, headers = at.session): Promise<RawAnswer> {
  return send(at.origin, '/auth/tokens', {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(terms),
  })
}

export async function makeToken(at: At, terms: object = {}): Promise<MadeToken> {
  const answer = await askForToken(at, terms)
  if (answer.status !== 201) throw new Error(`No token: ${answer.status} ${answer.body}`)
  return JSON.parse(answer.body) as MadeToken
}

/** A new token, as an `Authorization` header. */
export async function bearerOf(at: At, terms: object = {}): Promise<Record<string, string>> {
  return { authorization: `Bearer ${(await makeToken(at, terms)).token}` }
}

export async function listTokens(at: At, headers = at.session): Promise<ListedToken[]> {
  const answer = await send(at.origin, '/auth/tokens', { headers })
  if (answer.status !== 200) throw new Error(`No list: ${answer.status} ${answer.body}`)
  return (JSON.parse(answer.body) as { tokens: ListedToken[] }).tokens
}

export function endToken(at: At, id: string, headers = at.session): Promise<RawAnswer> {
  return send(at.origin, `/auth/tokens/${id}`, { method: 'DELETE', headers })
}
