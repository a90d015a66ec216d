/** Sign-in from a terminal, step by step. */
import { send } from './environment.ts'
import type { Driveway, RawAnswer } from './environment.ts'

type Place = Pick<Driveway, 'origin'>

export interface Terminal {
  device_code: string
  user_code: string
  verification_uri: string
  verification_uri_complete: string
  expires_in: number
  interval: number
}

const grantType = 'urn:ietf:params:oauth:grant-type:device_code'

/** A form as `curl -d` sends it. */
export function post(
  { origin }: Place,
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

export async function ask(
  place: Place,
  fields: Record<string, string> = {},
  headers: Record<string, string> = {},
): Promise<Terminal> {
  const answer = await post(place, '/auth/device', fields, headers)
  if (answer.status !== 200) throw new Error(`Cannot ask: ${answer.status} ${answer.body}`)
  return JSON.parse(answer.body) as Terminal
}

export function poll(
  place: Place,
  { device_code }: Pick<Terminal, 'device_code'>,
): Promise<RawAnswer> {
  return post(place, '/auth/device/token', { grant_type: grantType, device_code })
}

/** What the page shows of a code. */
export function look(
  { origin, session }: Pick<Driveway, 'origin' | 'session'>,
  userCode: string,
  headers: Record<string, string> = session,
): Promise<RawAnswer> {
  return send(origin, `/auth/device/${userCode}`, { headers })
}

/** The person's decision on the page. */
export function decide(
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
export function errorOf({ body }: RawAnswer): unknown {
  return (JSON.parse(body) as { error?: unknown }).error
}
