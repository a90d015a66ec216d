/** Device authorization grant (RFC 8628) step by step. */
import { send } from './environment.ts'
import type { Driveway, RawResponse } from './environment.ts'

type Gateway = Pick<Driveway, 'origin'>

export interface DeviceAuthorization {
  device_code: string
  user_code: string
  verification_uri: string
  verification_uri_complete: string
  expires_in: number
  interval: number
}

const deviceCodeGrantType = 'urn:ietf:params:oauth:grant-type:device_code'

/** Sends an urlencoded form, like `curl -d`. */
export function postForm(
  { origin }: Gateway,
  path: string,
  fields: Record<string, string> | string = {},
  headers: Record<string, string> = {},
): Promise<RawResponse> {
  return send(origin, path, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: typeof fields === 'string' ? fields : new URLSearchParams(fields).toString(),
  })
}

export async function requestDeviceCode(
  gateway: Gateway,
  fields: Record<string, string> = {},
  headers: Record<string, string> = {},
): Promise<DeviceAuthorization> {
  const response = await postForm(gateway, '/auth/device', fields, headers)
  if (response.status !== 200)
    throw new Error(`No device code: ${response.status} ${response.body}`)
  return JSON.parse(response.body) as DeviceAuthorization
}

export function pollToken(
  gateway: Gateway,
  { device_code }: Pick<DeviceAuthorization, 'device_code'>,
): Promise<RawResponse> {
  return postForm(gateway, '/auth/device/token', { grant_type: deviceCodeGrantType, device_code })
}

/** Gets the pending request that the page shows. */
export function showDeviceRequest(
  { origin, session }: Pick<Driveway, 'origin' | 'session'>,
  userCode: string,
  headers: Record<string, string> = session,
): Promise<RawResponse> {
  return send(origin, `/auth/device/${userCode}`, { headers })
}

/** Approves the request as the page does, unless `decision` says otherwise. */
export function decideDeviceRequest(
  { origin, session }: Pick<Driveway, 'origin' | 'session'>,
  userCode: string,
  decision: Record<string, unknown> = {},
  headers: Record<string, string> = session,
): Promise<RawResponse> {
  return send(origin, `/auth/device/${userCode}`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ approve: true, account: 'ada@example.com', ...decision }),
  })
}

/** Returns the OAuth error code. */
export function oauthErrorOf({ body }: RawResponse): unknown {
  return (JSON.parse(body) as { error?: unknown }).error
}
