/** The token endpoints, as the owner of an account uses them. */
import { send } from './environment.ts'
import type { Driveway, RawResponse } from './environment.ts'

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

export function postToken(
  account: Account,
  params: unknown,
  headers = account.session,
): Promise<RawResponse> {
  return send(account.origin, '/auth/tokens', {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(params),
  })
}

export async function createToken(account: Account, params: object = {}): Promise<CreatedToken> {
  const response = await postToken(account, params)
  if (response.status !== 201) throw new Error(`No token: ${response.status} ${response.body}`)
  return JSON.parse(response.body) as CreatedToken
}

/** Creates a token and returns its `Authorization` header. */
export async function createBearer(
  account: Account,
  params: object = {},
): Promise<Record<string, string>> {
  return { authorization: `Bearer ${(await createToken(account, params)).token}` }
}

export async function listTokens(
  account: Account,
  headers = account.session,
): Promise<ListedToken[]> {
  const response = await send(account.origin, '/auth/tokens', { headers })
  if (response.status !== 200) throw new Error(`No list: ${response.status} ${response.body}`)
  return (JSON.parse(response.body) as { tokens: ListedToken[] }).tokens
}

export function revokeToken(
  account: Account,
  id: string,
  headers = account.session,
): Promise<RawResponse> {
  return send(account.origin, `/auth/tokens/${id}`, { method: 'DELETE', headers })
}
