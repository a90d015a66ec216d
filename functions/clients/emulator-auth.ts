import { PassThroughClient } from 'google-auth-library'

/** No authentication, for emulators. By default the SDK clients search the network for credentials. */
export function anonymousAuth(): PassThroughClient {
  return new PassThroughClient()
}
