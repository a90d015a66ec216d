/** Who is asking and what they may do, whatever it was that they showed. */
import { GatewayError } from '../errors.ts'

export const scopes = ['files:read', 'upload'] as const
export type Scope = (typeof scopes)[number]

/** What may be done with a credential in all: none of it is more than its owner may. */
export interface Limits {
  /** Bytes of all files together. */
  maxBytes?: number
  maxFiles?: number
}

export interface Principal {
  /** How they have shown who they are. A page's bearer stands for a session on another origin. */
  kind: 'session' | 'page' | 'token'
  /** Of the credential, not of the person; safe to show. */
  id: string
  /** The person's subject identifier at Google. */
  sub: string
  scopes: readonly Scope[]
  /** The folder that nothing leads out of; everywhere where there is none. */
  folder?: { id: string; name: string }
  limits?: Limits
  /** Milliseconds since 1970. */
  expiresAt: number
}

/**
 * What a request needs: a scope; the person in person (`owner`: a session, or a page that stands for
 * one; `session`: only that); or no more than to be known (`nothing`).
 */
export type Need = Scope | 'owner' | 'session' | 'nothing'

/**
 * @throws {GatewayError} `scope_insufficient`
 * @see RFC 6750 section 3.1
 */
export function checkNeed(principal: Principal, need: Need): void {
  if (need === 'nothing') return
  if (need === 'owner' || need === 'session') {
    if (principal.kind === 'session') return
    if (need === 'owner' && principal.kind === 'page') return
    throw new GatewayError('scope_insufficient', `A ${principal.kind} is no ${need}`, {
      detail: 'Sign in with a browser for this',
      headers: { 'www-authenticate': challenge },
    })
  }
  if (principal.scopes.includes(need)) return
  throw new GatewayError('scope_insufficient', `A ${principal.kind} without ${need}`, {
    detail: `This needs a token with the scope ${need}`,
    headers: { 'www-authenticate': `${challenge}, scope="${need}"` },
  })
}

const challenge = 'Bearer realm="driveway", error="insufficient_scope"'
