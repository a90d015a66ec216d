import { GatewayError } from '../errors.ts'
import type { ClientCredentials } from './google-oauth.ts'

/**
 * Parses the JSON file of a web client that Google's console creates.
 *
 * @throws {GatewayError} `misconfigured`
 */
export function readClientCredentials(text: string): ClientCredentials {
  try {
    const { web } = JSON.parse(text) as { web?: { client_id?: unknown; client_secret?: unknown } }
    const { client_id: clientId, client_secret: clientSecret } = web ?? {}
    if (typeof clientId === 'string' && typeof clientSecret === 'string') {
      return { clientId, clientSecret }
    }
  } catch {
    // Reported below; the parse error would quote the secret.
  }
  throw new GatewayError('misconfigured', 'The client secret is not the JSON file of a web client')
}
