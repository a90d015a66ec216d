/** Parses the authorization request, as strictly as Google. */
import type { Clients, OAuthClient } from './clients.ts'
import { AccessBlocked } from './errors.ts'
import { firstDuplicate } from './form.ts'
import type { Code } from './grants.ts'
import { describeScope, readScopes } from './scopes.ts'

export interface AuthorizationRequest {
  client: OAuthClient
  redirectUri: string
  scopes: Set<string>
  state: string | undefined
  nonce: string | undefined
  challenge: Code['challenge']
  offline: boolean
  includeGranted: boolean
  loginHint: string | undefined
  prompt: Set<string>
}

/**
 * @throws {AccessBlocked} for every error: Google shows it to the user and does not notify the client
 * @see Using OAuth 2.0 for Web Server Applications: Set authorization parameters
 */
export function readAuthorizationRequest(
  query: URLSearchParams,
  clients: Clients,
): AuthorizationRequest {
  const duplicate = firstDuplicate(query)
  if (duplicate !== undefined)
    invalid(`OAuth 2 parameters can only have a single value: ${duplicate}`)

  const clientId = requireParameter(query, 'client_id')
  const client = clients.find(clientId)
  if (clients.isDeleted(clientId)) {
    throw new AccessBlocked(401, 'deleted_client', 'The OAuth client was deleted.')
  }
  if (!client) throw new AccessBlocked(401, 'invalid_client', 'The OAuth client was not found.')

  const redirectUri = requireParameter(query, 'redirect_uri')
  if (!client.redirect_uris.includes(redirectUri)) {
    const message = `This app sent a redirect_uri that is not registered for it: ${redirectUri}`
    throw new AccessBlocked(400, 'redirect_uri_mismatch', message)
  }
  const responseType = requireParameter(query, 'response_type')
  if (responseType !== 'code') {
    const message = `Invalid response_type: ${responseType}`
    throw new AccessBlocked(400, 'unsupported_response_type', message)
  }
  const prompt = readPrompt(query.get('prompt') ?? '')
  return {
    client,
    redirectUri,
    scopes: readRequestedScopes(requireParameter(query, 'scope')),
    state: query.get('state') ?? undefined,
    nonce: query.get('nonce') ?? undefined,
    challenge: readChallenge(query.get('code_challenge'), query.get('code_challenge_method')),
    offline: readChoice(query, 'access_type', ['online', 'offline']) === 'offline',
    includeGranted: readChoice(query, 'include_granted_scopes', ['false', 'true']) === 'true',
    loginHint: query.get('login_hint') ?? undefined,
    prompt,
  }
}

function readRequestedScopes(text: string): Set<string> {
  const scopes = readScopes(text)
  const unknown = [...scopes].filter((scope) => describeScope(scope) === undefined)
  if (unknown.length > 0) {
    const message = `Some requested scopes were invalid. {invalid=[${unknown.join(', ')}]}`
    throw new AccessBlocked(400, 'invalid_scope', message)
  }
  return scopes
}

function readPrompt(text: string): Set<string> {
  const prompt = new Set(text.split(' ').filter(Boolean))
  for (const word of prompt) {
    if (!['none', 'consent', 'select_account'].includes(word)) invalid(`Invalid prompt: ${word}`)
  }
  if (prompt.has('none') && prompt.size > 1)
    invalid('prompt=none cannot be combined with another prompt')
  return prompt
}

/** @see RFC 7636, sections 4.2 and 4.3: without a method the challenge is plain */
function readChallenge(value: string | null, method: string | null): Code['challenge'] {
  if (value === null) {
    if (method !== null) invalid('code_challenge_method requires a code_challenge')
    return undefined
  }
  if (method !== null && method !== 'S256' && method !== 'plain') {
    invalid(`Invalid code_challenge_method: ${method}`)
  }
  const shape = method === 'S256' ? /^[\w-]{43}$/ : /^[\w.~-]{43,128}$/
  if (!shape.test(value)) invalid('Invalid code_challenge')
  return { value, method: method ?? 'plain' }
}

function readChoice(query: URLSearchParams, name: string, values: [string, string]): string {
  const value = query.get(name) ?? values[0]
  if (!values.includes(value)) invalid(`Invalid ${name}: ${value}`)
  return value
}

function requireParameter(query: URLSearchParams, name: string): string {
  return query.get(name) || invalid(`Missing required parameter: ${name}`)
}

function invalid(message: string): never {
  throw new AccessBlocked(400, 'invalid_request', message)
}
