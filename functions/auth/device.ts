/** `/auth/device`: sign-in from a terminal, approved on a page (RFC 8628). */
import { GatewayError } from '../errors.ts'
import type { Credentials, Grant } from '../identity/credentials.ts'
import { deviceLifetimeMs, pollIntervalMs } from '../identity/device-authorization.ts'
import type { DeviceRequest, Devices, DeviceGrant } from '../identity/device-authorization.ts'
import { scopes as allScopes } from '../identity/principal.ts'
import type { Scope } from '../identity/principal.ts'
import { writeUserCode } from '../identity/user-code.ts'
import type { Vault } from '../token/grant-store.ts'
import { networkOf } from '../http/client-ip.ts'
import type { AddressOf } from '../http/client-ip.ts'
import { audit } from '../http/audit.ts'
import { issueToken } from './tokens.ts'
import { readFields } from '../http/urlencoded-body.ts'
import type { Call, Route } from '../http/router.ts'
import type { Identify } from '../http/authenticate.ts'
import { readJson } from '../http/json-body.ts'
import { sendJson } from '../http/problem.ts'
import { readTokenParams } from './token-params.ts'
import type { TokenParamsDeps } from './token-params.ts'

export interface DeviceDeps extends TokenParamsDeps {
  identify: Identify
  devices: Devices
  credentials: Pick<Credentials, 'issue' | 'list'>
  vault: Pick<Vault, 'find'>
  addressOf: AddressOf
  publicUrl: string
}

const deviceCodeGrantType = 'urn:ietf:params:oauth:grant-type:device_code'
const userCodePath = /^device\/([A-Za-z-]{8,10})$/

export function deviceRoutes(deps: DeviceDeps): Route[] {
  return [
    { method: 'POST', path: /^device$/, run: (call) => startAuthorization(deps, call) },
    { method: 'POST', path: /^device\/token$/, run: (call) => redeemDeviceCode(deps, call) },
    { method: 'GET', path: userCodePath, run: (call) => showRequest(deps, call) },
    { method: 'POST', path: userCodePath, run: (call) => decideRequest(deps, call) },
  ]
}

async function startAuthorization(deps: DeviceDeps, { req, res }: Call): Promise<void> {
  const { devices, addressOf, publicUrl } = deps
  const form = await readFields(req, res)
  const address = addressOf(req)
  const request: DeviceRequest = {
    clientName: readClientName(form.get('client_name')),
    scopes: readScope(form.get('scope')),
    address,
    userAgent: toSafeLine(req.headers['user-agent'] ?? ''),
  }
  const { deviceCode, userCode } = await devices.start(request, networkOf(address))
  const code = writeUserCode(userCode)
  sendJson(res, 200, {
    device_code: deviceCode,
    user_code: code,
    verification_uri: `${publicUrl}/device`,
    verification_uri_complete: `${publicUrl}/device?user_code=${code}`,
    expires_in: deviceLifetimeMs / 1000,
    interval: pollIntervalMs / 1000,
  })
}

async function redeemDeviceCode({ devices, credentials }: DeviceDeps, call: Call): Promise<void> {
  const { req, res, log } = call
  const form = await readFields(req, res)
  const type = form.get('grant_type')
  if (type === undefined) throw invalid('invalid_request', 'grant_type is missing')
  if (type !== deviceCodeGrantType) {
    throw invalid('unsupported_grant_type', `grant_type has to be ${deviceCodeGrantType}`)
  }
  const deviceCode = form.get('device_code')
  if (!deviceCode) throw invalid('invalid_request', 'device_code is missing')
  const { secret, credential } = await devices.redeem(deviceCode, (grant, request) =>
    issueToken(credentials, toCredentialRequest(grant, request), grant.lifetimeMs),
  )
  const { sub, id, scopes, folder, createdAt, expiresAt } = credential
  sendJson(res, 200, {
    access_token: secret,
    token_type: 'Bearer',
    expires_in: Math.floor((expiresAt - createdAt) / 1000),
    scope: scopes.join(' '),
  })
  audit(log, 'token_made', {
    sub,
    credential: undefined,
    tokenId: id,
    scopes: scopes.join(' '),
    folder: folder?.id,
    expires: new Date(expiresAt).toISOString(),
  })
}

async function showRequest({ identify, devices, vault }: DeviceDeps, call: Call): Promise<void> {
  const { req, res, params } = call
  const { sub } = await identify(req, 'owner')
  const [userCode = ''] = params
  const { clientName, scopes, address, userAgent, createdAt, expiresAt } = await devices.find(
    userCode,
    sub,
  )
  sendJson(res, 200, {
    user_code: writeUserCode(userCode.replaceAll('-', '').toUpperCase()),
    client_name: clientName,
    scopes,
    from: { address, userAgent },
    account: await findEmail(vault, sub),
    created: new Date(createdAt).toISOString(),
    expires: new Date(expiresAt).toISOString(),
  })
}

async function decideRequest(deps: DeviceDeps, call: Call): Promise<void> {
  const { identify, devices, vault } = deps
  const { req, res, params, signal, log } = call
  const { sub, id } = await identify(req, 'owner')
  const [userCode = ''] = params
  const { approve, account, ...terms } = await readJson(req, res)
  if (typeof approve !== 'boolean') throw bad('approve has to be true or false')
  if (!approve) {
    await devices.decide(userCode, sub, undefined)
    res.writeHead(204).end()
    audit(log, 'device_denied', { sub, credential: id })
    return
  }
  // What the person has seen is what counts: somebody else may have signed in in another tab.
  if (account !== (await findEmail(vault, sub))) {
    throw new GatewayError('account_changed', 'Another account is signed in than was shown')
  }
  // What it is called and what it may do is the terminal's to ask for.
  if ('name' in terms || 'scopes' in terms) throw bad('A decision has no name and no scopes')
  const { grant: given, lifetimeMs } = await readTokenParams(deps, sub, terms, signal)
  const { folder = null, limits = null } = given
  const grant: DeviceGrant = { sub, folder, limits, lifetimeMs }
  const { scopes } = await devices.decide(userCode, sub, grant)
  res.writeHead(204).end()
  audit(log, 'device_approved', {
    sub,
    credential: id,
    tokenId: undefined,
    scopes: scopes.join(' '),
    folder: grant.folder?.id,
    expires: undefined,
  })
}

/** What is approved becomes a token like any other, named after what asked for it. */
function toCredentialRequest(
  { sub, folder, limits }: DeviceGrant,
  { clientName, scopes }: DeviceRequest,
): Grant {
  return {
    sub,
    name: clientName ?? 'terminal',
    scopes,
    ...(folder === null ? {} : { folder }),
    ...(limits === null ? {} : { limits }),
  }
}

async function findEmail(vault: Pick<Vault, 'find'>, sub: string): Promise<string> {
  const record = await vault.find(sub)
  if (!record) throw new GatewayError('reauth_required', 'The account has no grant')
  return record.email
}

/** Whole words, each of them known; all of them where nothing is said. */
function readScope(text: string | undefined): Scope[] {
  const words = new Set((text ?? '').split(' ').filter((word) => word !== ''))
  if (words.size === 0) return [...allScopes]
  const known = allScopes.filter((scope) => words.has(scope))
  if (known.length === words.size) return known
  throw invalid('invalid_scope', `scope may have ${allScopes.join(' and ')}`)
}

function readClientName(name: string | undefined): string | null {
  if (name === undefined || name === '') return null
  // Nothing invisible, and nothing that turns the text around it about.
  if (/^[^\p{C}\p{Zl}\p{Zp}]{1,60}$/u.test(name) && name.trim() !== '') return name
  throw invalid('invalid_request', 'client_name has to be a text of 1 to 60 characters')
}

/** Text of a stranger's, as one line that is safe to look at. */
function toSafeLine(text: string): string {
  const line = text.replaceAll(/[\p{C}\p{Z}]+/gu, ' ').trim()
  return Array.from(line).slice(0, 200).join('')
}

function bad(detail: string): GatewayError {
  return new GatewayError('bad_request', detail, { detail })
}

/** @see RFC 6749 section 5.2 */
function invalid(
  error: 'invalid_request' | 'unsupported_grant_type' | 'invalid_scope',
  detail: string,
): GatewayError {
  return new GatewayError('bad_request', detail, { detail, error })
}
