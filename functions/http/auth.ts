/** `/auth`: signing in and out, and what may be shown instead of a session. */
import { deviceRoutes } from './auth-device.ts'
import type { DeviceParts } from './auth-device.ts'
import { doctorRoutes } from './auth-doctor.ts'
import type { DoctorParts } from './auth-doctor.ts'
import { grantRoutes } from './auth-grant.ts'
import type { GrantParts } from './auth-grant.ts'
import { pageRoutes } from './auth-page.ts'
import type { PageParts } from './auth-page.ts'
import { loginRoutes } from './auth-login.ts'
import type { LoginParts } from './auth-login.ts'
import { policyRoutes } from './auth-policies.ts'
import type { PolicyParts } from './auth-policies.ts'
import { sessionRoutes } from './auth-session.ts'
import type { SessionParts } from './auth-session.ts'
import { tokenRoutes } from './auth-tokens.ts'
import type { TokenParts } from './auth-tokens.ts'
import type { Route } from './handler.ts'

export interface AuthParts
  extends
    GrantParts,
    LoginParts,
    PageParts,
    SessionParts,
    TokenParts,
    DeviceParts,
    PolicyParts,
    DoctorParts {
  credentials: TokenParts['credentials']
  oauth: LoginParts['oauth'] & GrantParts['oauth']
}

export function authRoutes(parts: AuthParts): Route[] {
  return [
    ...loginRoutes(parts),
    ...pageRoutes(parts),
    ...sessionRoutes(parts),
    ...grantRoutes(parts),
    ...tokenRoutes(parts),
    ...deviceRoutes(parts),
    ...policyRoutes(parts),
    ...doctorRoutes(parts),
  ]
}
