/** `/auth`: signing in and out, and what may be shown instead of a session. */
import { deviceRoutes } from './device.ts'
import type { DeviceParts } from './device.ts'
import { doctorRoutes } from './doctor/routes.ts'
import type { DoctorParts } from './doctor/routes.ts'
import { grantRoutes } from './disconnect.ts'
import type { GrantParts } from './disconnect.ts'
import { pageRoutes } from './token-exchange.ts'
import type { PageParts } from './token-exchange.ts'
import { loginRoutes } from './login.ts'
import type { LoginParts } from './login.ts'
import { policyRoutes } from './policies.ts'
import type { PolicyParts } from './policies.ts'
import { sessionRoutes } from './session.ts'
import type { SessionParts } from './session.ts'
import { tokenRoutes } from './tokens.ts'
import type { TokenParts } from './tokens.ts'
import type { Route } from '../http/router.ts'

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
