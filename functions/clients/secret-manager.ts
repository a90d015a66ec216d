/** Secret Manager's client, in a file of its own for whoever loads it late: see `wiring-clients.ts`. */
import { SecretManagerServiceClient } from '@google-cloud/secret-manager'
import { withoutCredentials } from './emulator-auth.ts'
import type { Config } from '../config/config.ts'

export function openSecretManager({
  projectId,
  secretManagerHost,
}: Config): SecretManagerServiceClient {
  if (secretManagerHost === undefined) {
    return new SecretManagerServiceClient({ projectId, fallback: true })
  }
  const { hostname, port } = new URL(`http://${secretManagerHost}`)
  return new SecretManagerServiceClient({
    projectId,
    fallback: true,
    protocol: 'http',
    apiEndpoint: hostname,
    port: Number(port),
    authClient: withoutCredentials(),
  })
}
