/** Counts and traces token refreshes. */
import { GatewayError } from '../errors.ts'
import type { Telemetry } from '../telemetry/metrics.ts'
import type { GoogleOAuth } from './google-oauth.ts'
import { GrantRevokedError } from './oauth-errors.ts'

export function instrumentRefreshes(oauth: GoogleOAuth, telemetry: Telemetry): GoogleOAuth {
  const countRefresh = (outcome: string): void =>
    telemetry.count('driveway.token.refreshes', 1, { 'driveway.result': outcome })
  return {
    ...oauth,
    refresh: (refreshToken) =>
      telemetry.span({ kind: 'client', name: 'oauth refresh' }, async (setAttributes) => {
        try {
          const response = await oauth.refresh(refreshToken)
          countRefresh('refreshed')
          return response
        } catch (error) {
          const outcome = outcomeOf(error)
          setAttributes({ 'error.type': outcome })
          countRefresh(outcome)
          throw error
        }
      }),
  }
}

function outcomeOf(error: unknown): string {
  if (error instanceof GrantRevokedError) return 'revoked'
  return error instanceof GatewayError ? error.code : 'internal'
}
