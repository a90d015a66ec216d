/** Secret Manager SDK client; its own module so that `app/clients.ts` can load it lazily. */
import { SecretManagerServiceClient } from '@google-cloud/secret-manager'
import { anonymousAuth } from './emulator-auth.ts'

/** @param emulatorHost `host:port`, instead of Google's Secret Manager */
export function createSecretManager(
  projectId: string,
  emulatorHost?: string,
): SecretManagerServiceClient {
  if (emulatorHost === undefined) {
    return new SecretManagerServiceClient({ projectId, fallback: true })
  }
  const { hostname, port } = new URL(`http://${emulatorHost}`)
  return new SecretManagerServiceClient({
    projectId,
    fallback: true,
    protocol: 'http',
    apiEndpoint: hostname,
    port: Number(port),
    authClient: anonymousAuth(),
  })
}
