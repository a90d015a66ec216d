/** Refreshes, counted and timed. */
import { GatewayError } from '../errors.ts'
import type { Telemetry } from '../telemetry/metrics.ts'
import { DeadGrantError } from './google-oauth.ts'
import type { OAuth } from './google-oauth.ts'

export function meterRefreshes(oauth: OAuth, telemetry: Telemetry): OAuth {
  return {
    ...oauth,
    refresh: (refreshToken) =>
      telemetry.span({ kind: 'client', name: 'oauth refresh' }, async (note) => {
        try {
          const refreshed = await oauth.refresh(refreshToken)
          telemetry.count('driveway.token.refreshes', 1, { 'driveway.outcome': 'renewed' })
          return refreshed
        } catch (error) {
          const outcome = outcomeOf(error)
          note({ 'error.type': outcome })
          telemetry.count('driveway.token.refreshes', 1, { 'driveway.outcome': outcome })
          throw error
        }
      }),
  }
}

function outcomeOf(error: unknown): string {
  if (error instanceof DeadGrantError) return 'dead'
  return error instanceof GatewayError ? error.code : 'internal'
}
