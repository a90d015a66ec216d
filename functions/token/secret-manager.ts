/** Secrets from Google's Secret Manager. */
import type { SecretManagerServiceClient } from '@google-cloud/secret-manager'
import { withDeadline } from '../lib/deadline.ts'
import { GatewayError } from '../errors.ts'
import type { FetchSecret } from './secret-cache.ts'

/**
 * What will not pass by itself, as gRPC codes and as the HTTP statuses that the client has over
 * REST: no such version, disabled or destroyed, not allowed, bad name.
 */
const permanent = new Set<unknown>([3, 5, 7, 9, 16, 400, 401, 403, 404])

/** The client tries again by itself; this is all of its tries together. */
const patienceMs = 8_000

function tooLate(): Error {
  return new Error('Secret Manager took too long')
}

/** @param client made when it is first needed */
export function createGoogleSecrets(
  client: () => Promise<SecretManagerServiceClient>,
): FetchSecret {
  return async (name) => {
    try {
      const asked = (await client()).accessSecretVersion({ name }, { timeout: patienceMs })
      const [version] = await withDeadline(asked, patienceMs, tooLate)
      return Buffer.from(version.payload?.data ?? '')
        .toString('utf8')
        .trim()
    } catch (error) {
      const { code } = error as { code?: unknown }
      if (permanent.has(code)) {
        throw new GatewayError('misconfigured', `Cannot read ${name}`, { cause: error })
      }
      throw new GatewayError('store_unavailable', 'Secret Manager did not answer', { cause: error })
    }
  }
}
