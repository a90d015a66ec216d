/** Fixture of the OAuth tests: a sandbox with one client, and its requests. */
import { createHash } from 'node:crypto'
import type { OAuth, OAuthOptions } from '../../../../infra/sandbox/oauth/index.ts'
import { createOAuth } from '../../../../infra/sandbox/oauth/index.ts'
import type { Sandbox } from '../../../../infra/sandbox/server.ts'
import { startSandbox } from '../../../../infra/sandbox/server.ts'
import type { ConsentOptions } from '../../../../infra/sandbox/consent-client.ts'
import { consent } from '../../../../infra/sandbox/consent-client.ts'

export const clientId = '1234-driveway.apps.googleusercontent.com'
export const clientSecret = 'GOCSPX-sandbox&secret%+'
export const redirectUri = 'http://localhost:8080/callback'
export const drive = 'https://www.googleapis.com/auth/drive'
export const driveFile = `${drive}.file`
export const verifier = 'v'.repeat(43)
export const challenge = createHash('sha256').update(verifier).digest('base64url')

/** Parameters; `null` omits a default one. */
export type Fields = Record<string, string | null>
export type Json = Record<string, string | number | undefined>
export interface TokenEndpointResponse {
  status: number
  body: Json
}

export interface Fixture {
  oauth: OAuth
  sandbox: Sandbox
  /** Advances the sandbox's clock. */
  advance: (milliseconds: number) => void
  /** Resets the sandbox's clock to the current time. */
  resetClock: () => void
  authorizationUrl: (changes?: Fields) => URL
  /** Submits the consent pages and returns the parameters of the callback. */
  signIn: (changes?: Fields, consentOptions?: ConsentOptions) => Promise<URLSearchParams>
  post: (
    path: string,
    fields: Fields,
    headers?: Record<string, string>,
  ) => Promise<TokenEndpointResponse>
  exchange: (
    code: unknown,
    changes?: Fields,
    headers?: Record<string, string>,
  ) => Promise<TokenEndpointResponse>
  refresh: (refreshToken: unknown, changes?: Fields) => Promise<TokenEndpointResponse>
  /** Signs in and exchanges the code. */
  tokens: (changes?: Fields, consentOptions?: ConsentOptions) => Promise<Json>
}

export async function startOAuth(options: OAuthOptions = {}): Promise<Fixture> {
  let offsetMs = 0
  const client = {
    client_id: clientId,
    client_secrets: [clientSecret],
    redirect_uris: [redirectUri],
    name: 'Driveway',
  }
  const oauth = createOAuth({ clients: [client], now: () => Date.now() + offsetMs, ...options })
  const sandbox = await startSandbox([oauth])
  const credentials = { client_id: clientId, client_secret: clientSecret }

  const fixture: Fixture = {
    oauth,
    sandbox,
    advance(milliseconds) {
      offsetMs += milliseconds
    },
    resetClock() {
      offsetMs = 0
    },
    authorizationUrl(changes = {}) {
      const url = new URL(`${sandbox.url}/o/oauth2/v2/auth`)
      const fields: Fields = {
        client_id: clientId,
        redirect_uri: redirectUri,
        response_type: 'code',
        scope: `openid email ${driveFile}`,
        state: 'the state',
        nonce: 'the nonce',
        code_challenge: challenge,
        code_challenge_method: 'S256',
        access_type: 'offline',
        login_hint: 'ada@example.com',
        ...changes,
      }
      url.search = String(encode(fields))
      return url
    },
    async signIn(changes, consentOptions) {
      return (await consent(fixture.authorizationUrl(changes), consentOptions)).searchParams
    },
    async post(path, fields, headers = {}) {
      const request = { method: 'POST', body: encode(fields), headers }
      const response = await fetch(sandbox.url + path, request)
      return { status: response.status, body: (await response.json()) as Json }
    },
    exchange(code, changes = {}, headers = {}) {
      const grant = { grant_type: 'authorization_code', redirect_uri: redirectUri }
      const fields = { ...grant, code: String(code), code_verifier: verifier, ...credentials }
      return fixture.post('/token', { ...fields, ...changes }, headers)
    },
    refresh(refreshToken, changes = {}) {
      const grant = { grant_type: 'refresh_token', refresh_token: String(refreshToken) }
      return fixture.post('/token', { ...grant, ...credentials, ...changes })
    },
    async tokens(changes, consentOptions) {
      const { status, body } = await fixture.exchange(
        (await fixture.signIn(changes, consentOptions)).get('code'),
      )
      if (status !== 200) throw new Error(`Cannot sign in: ${JSON.stringify(body)}`)
      return body
    },
  }
  return fixture
}

export function encode(fields: Fields): URLSearchParams {
  const entries = Object.entries(fields).filter(
    (field): field is [string, string] => field[1] !== null,
  )
  return new URLSearchParams(entries)
}

/** Parses scopes as a set, because their order is undefined. */
export function setOf(scope: unknown): Set<string> {
  return new Set(String(scope).split(' '))
}

/** An error response of the token endpoint. */
export function errorResponse(
  status: number,
  error: string,
  description: string,
): TokenEndpointResponse {
  return { status, body: { error, error_description: description } }
}

export const expiredTokenError = errorResponse(
  400,
  'invalid_grant',
  'Token has been expired or revoked.',
)
