/** Fetches secrets from Google Secret Manager. */
import type { SecretManagerServiceClient } from '@google-cloud/secret-manager'
import { withDeadline } from '../lib/deadline.ts'
import { GatewayError } from '../errors.ts'
import type { FetchSecret } from './secret-cache.ts'

/**
 * Permanent errors, as gRPC codes and as the HTTP statuses that the client returns over REST: missing,
 * disabled or destroyed version, missing permission, invalid name.
 */
const permanentErrors = new Set<unknown>([3, 5, 7, 9, 16, 400, 401, 403, 404])

/** For all retries of the client together. */
const defaultTimeoutMs = 8_000

/**
 * @param client called on first use
 * @param timeouts in milliseconds, read for each secret
 */
export function createSecretFetcher(
  client: () => Promise<SecretManagerServiceClient>,
  timeouts: { secrets?: number | undefined } = {},
): FetchSecret {
  return async (name) => {
    const timeoutMs = timeouts.secrets ?? defaultTimeoutMs
    const timeoutError = (): Error =>
      new Error(`Secret Manager did not respond within ${timeoutMs} ms`)
    try {
      const request = (await client()).accessSecretVersion({ name }, { timeout: timeoutMs })
      const [version] = await withDeadline(request, timeoutMs, timeoutError)
      return Buffer.from(version.payload?.data ?? '')
        .toString('utf8')
        .trim()
    } catch (error) {
      const { code } = error as { code?: unknown }
      if (permanentErrors.has(code)) {
        throw new GatewayError('misconfigured', `Cannot read ${name}`, { cause: error })
      }
      throw new GatewayError('store_unavailable', 'Secret Manager is unavailable', { cause: error })
    }
  }
}
