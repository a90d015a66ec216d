/** `/auth`: signing in and out, and what may be shown instead of a session. */
import { loginRoutes } from './auth-login.ts'
import type { LoginParts } from './auth-login.ts'
import { sessionRoutes } from './auth-session.ts'
import type { SessionParts } from './auth-session.ts'
import { tokenRoutes } from './auth-tokens.ts'
import type { TokenParts } from './auth-tokens.ts'
import type { Route } from './handler.ts'

export interface AuthParts extends LoginParts, SessionParts, TokenParts {
  credentials: TokenParts['credentials']
}

export function authRoutes(parts: AuthParts): Route[] {
  return [...loginRoutes(parts), ...sessionRoutes(parts), ...tokenRoutes(parts)]
}
