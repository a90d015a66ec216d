/** The sandbox in a child process. It counts and hashes uploaded bytes, but does not store them. */
import { consent } from '../../infra/sandbox/consent-client.ts'
import { startGoogle } from '../../infra/sandbox/index.ts'

const publicUrl = process.env['PUBLIC_URL'] ?? ''
const google = await startGoogle({ publicUrl, drive: { storeBytes: false } })
process.send?.({ env: google.env, token: await accessToken() })

/** Gets an access token for the baselines, which have no sign-in. */
async function accessToken(): Promise<string> {
  const { clientId, clientSecret, url } = google
  const redirectUri = `${publicUrl}/callback`
  const authorization = new URL(`${url}/o/oauth2/v2/auth`)
  authorization.search = new URLSearchParams({
    client_id: clientId,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid email https://www.googleapis.com/auth/drive.file',
  }).toString()
  const callback = await consent(authorization, { email: 'ben@example.com' })
  const response = await fetch(`${url}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code: callback.searchParams.get('code') ?? '',
      redirect_uri: redirectUri,
      client_id: clientId,
      client_secret: clientSecret,
    }),
  })
  const { access_token: token } = (await response.json()) as { access_token: string }
  return token
}
