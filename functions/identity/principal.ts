/** The authenticated principal of a request and its permissions. */
import { GatewayError } from '../errors.ts'
import type { GrantBound } from './grant-generations.ts'

export const scopes = ['files:read', 'upload'] as const
export type Scope = (typeof scopes)[number]

/** Upload limits of a credential over its lifetime. */
export interface Limits {
  /** Bytes of all files together. */
  maxBytes?: number
  maxFiles?: number
}

/** The folder that a credential is restricted to. */
export interface BoundFolder {
  id: string
  name: string
  /** What Drive requires in addition for some old folders that are shared by a link. */
  resourceKey?: string
}

export interface Principal extends GrantBound {
  /** Kind of credential. `page`: a bearer token that replaces a session on another origin. */
  kind: 'session' | 'page' | 'token'
  /** Id of the credential, not of the account; safe to show. */
  id: string
  scopes: readonly Scope[]
  /** The credential is restricted to this folder and everything below it. */
  folder?: BoundFolder
  limits?: Limits
  /** Milliseconds since 1970. */
  expiresAt: number
}

/**
 * The access that a request requires: a scope; `session`, a session; `signed-in`, a session or a page's
 * bearer token; or `authenticated`, any valid credential.
 */
export type RequiredAccess = Scope | 'session' | 'signed-in' | 'authenticated'

/**
 * @throws {GatewayError} `scope_insufficient`
 * @see RFC 6750 section 3.1
 */
export function checkAccess(principal: Principal, required: RequiredAccess): void {
  if (required === 'authenticated') return
  if (required === 'session' || required === 'signed-in') {
    if (principal.kind === 'session') return
    if (required === 'signed-in' && principal.kind === 'page') return
    throw new GatewayError('scope_insufficient', `A ${principal.kind} has no ${required} access`, {
      detail:
        principal.kind === 'page'
          ? 'A page on another origin may only list and upload. Use the gateway’s own page'
          : 'Sign in with a browser for this request',
      headers: { 'www-authenticate': bearerChallenge },
    })
  }
  if (principal.scopes.includes(required)) return
  throw new GatewayError('scope_insufficient', `A ${principal.kind} lacks ${required}`, {
    detail: `Use a token with the scope ${required}`,
    headers: { 'www-authenticate': `${bearerChallenge}, scope="${required}"` },
  })
}

const bearerChallenge = 'Bearer realm="driveway", error="insufficient_scope"'
