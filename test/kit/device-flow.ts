/** Sign-in from a terminal, step by step. */
import { send } from './environment.ts'
import type { Driveway, RawAnswer } from './environment.ts'

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

/** A form as `curl -d` sends it. */
export function postForm(
  { origin }: Gateway,
  path: string,
  fields: Record<string, string> | string = {},
  headers: Record<string, string> = {},
): Promise<RawAnswer> {
  return send(origin, path, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: typeof fields === 'string' ? fields : new URLSearchParams(fields).toString(),
  })
}

export async function requestDeviceCode(
  place: Gateway,
  fields: Record<string, string> = {},
  headers: Record<string, string> = {},
): Promise<DeviceAuthorization> {
  const answer = await postForm(place, '/auth/device', fields, headers)
  if (answer.status !== 200) throw new Error(`Cannot ask: ${answer.status} ${answer.body}`)
  return JSON.parse(answer.body) as DeviceAuthorization
}

export function pollToken(
  place: Gateway,
  { device_code }: Pick<DeviceAuthorization, 'device_code'>,
): Promise<RawAnswer> {
  return postForm(place, '/auth/device/token', { grant_type: deviceCodeGrantType, device_code })
}

/** What the page shows of a code. */
export function showDeviceRequest(
  { origin, session }: Pick<Driveway, 'origin' | 'session'>,
  userCode: string,
  headers: Record<string, string> = session,
): Promise<RawAnswer> {
  return send(origin, `/auth/device/${userCode}`, { headers })
}

/** The person's decision on the page. */
export function decideDeviceRequest(
  { origin, session }: Pick<Driveway, 'origin' | 'session'>,
  userCode: string,
  decision: Record<string, unknown> = {},
  headers: Record<string, string> = session,
): Promise<RawAnswer> {
  return send(origin, `/auth/device/${userCode}`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ approve: true, account: 'ada@example.com', ...decision }),
  })
}

/** OAuth's name for what went wrong. */
export function oauthErrorOf({ body }: RawAnswer): unknown {
  return (JSON.parse(body) as { error?: unknown }).error
}
