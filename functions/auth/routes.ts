/** `/auth`: sign-in, sign-out, tokens, device flow, CI policies and self-diagnosis. */
import { deviceRoutes } from './device.ts'
import type { DeviceDeps } from './device.ts'
import { doctorRoutes } from './doctor/routes.ts'
import type { DoctorDeps } from './doctor/routes.ts'
import { disconnectRoutes } from './disconnect.ts'
import type { DisconnectDeps } from './disconnect.ts'
import { tokenExchangeRoutes } from './token-exchange.ts'
import type { TokenExchangeDeps } from './token-exchange.ts'
import { loginRoutes } from './login.ts'
import type { LoginDeps } from './login.ts'
import { policyRoutes } from './policies.ts'
import type { PolicyDeps } from './policies.ts'
import { sessionListRoutes } from './sessions.ts'
import type { SessionListDeps } from './sessions.ts'
import { sessionRoutes } from './session.ts'
import type { SessionDeps } from './session.ts'
import { tokenRoutes } from './tokens.ts'
import type { TokenDeps } from './tokens.ts'
import type { Route } from '../http/router.ts'

export interface AuthDeps
  extends
    DisconnectDeps,
    LoginDeps,
    TokenExchangeDeps,
    SessionDeps,
    SessionListDeps,
    TokenDeps,
    DeviceDeps,
    PolicyDeps,
    DoctorDeps {
  credentials: TokenDeps['credentials'] & LoginDeps['credentials']
  oauth: LoginDeps['oauth'] & DisconnectDeps['oauth']
}

export function authRoutes(deps: AuthDeps): Route[] {
  return [
    ...loginRoutes(deps),
    ...tokenExchangeRoutes(deps),
    ...sessionRoutes(deps),
    ...sessionListRoutes(deps),
    ...disconnectRoutes(deps),
    ...tokenRoutes(deps),
    ...deviceRoutes(deps),
    ...policyRoutes(deps),
    ...doctorRoutes(deps),
  ]
}
