/** `/auth/device`: device authorization grant (RFC 8628): a terminal signs in, a browser approves. */
import { GatewayError } from '../errors.ts'
import type { Credentials, CredentialRequest } from '../identity/credentials.ts'
import type { GrantGenerations } from '../identity/grant-generations.ts'
import { deviceCodeTtlMs, pollIntervalMs } from '../identity/device-authorization.ts'
import type {
  DeviceRequest,
  DeviceAuthorizations,
  DeviceApproval,
} from '../identity/device-authorization.ts'
import { scopes as allScopes } from '../identity/principal.ts'
import type { Scope } from '../identity/principal.ts'
import { formatUserCode } from '../identity/user-code.ts'
import type { GrantStore } from '../token/grant-store.ts'
import { networkPrefix } from '../http/client-ip.ts'
import type { ClientIp } from '../http/client-ip.ts'
import { readClientOrigin } from '../http/client-origin.ts'
import { audit } from '../http/audit.ts'
import { issueToken } from './tokens.ts'
import { readUrlencodedBody } from '../http/urlencoded-body.ts'
import type { RequestContext, Route } from '../http/router.ts'
import type { Authenticate, Authentication } from '../http/authenticate.ts'
import { readJsonBody } from '../http/json-body.ts'
import { sendJson } from '../http/problem.ts'
import { requireCurrentGrant } from './current-grant.ts'
import { badRequest, oauthError } from './request-errors.ts'
import { readTokenParams } from './token-params.ts'
import type { TokenParamsDeps } from './token-params.ts'

export interface DeviceDeps extends TokenParamsDeps {
  authenticate: Authenticate
  confirm: Authentication['confirm']
  devices: DeviceAuthorizations
  generations: Pick<GrantGenerations, 'compare'>
  credentials: Pick<Credentials, 'issue' | 'list' | 'revoke'>
  grants: Pick<GrantStore, 'find'>
  clientIp: ClientIp
  publicUrl: string
}

const deviceCodeGrantType = 'urn:ietf:params:oauth:grant-type:device_code'
const userCodePath = /^device\/([A-Za-z-]{8,10})$/

export function deviceRoutes(deps: DeviceDeps): Route[] {
  return [
    {
      method: 'POST',
      path: /^device$/,
      rateLimit: 'network',
      run: (context) => startAuthorization(deps, context),
    },
    {
      method: 'POST',
      path: /^device\/token$/,
      rateLimit: 'network',
      run: (context) => redeemDeviceCode(deps, context),
    },
    { method: 'GET', path: userCodePath, run: (context) => showRequest(deps, context) },
    { method: 'POST', path: userCodePath, run: (context) => decideRequest(deps, context) },
  ]
}

/** @see RFC 8628 §3.1 Device Authorization Request, §3.2 Device Authorization Response */
async function startAuthorization(deps: DeviceDeps, { req, res }: RequestContext): Promise<void> {
  const { devices, clientIp, publicUrl } = deps
  const form = await readUrlencodedBody(req, res)
  const from = readClientOrigin(req, clientIp)
  const request: DeviceRequest = {
    clientName: readClientName(form.get('client_name')),
    scopes: readScope(form.get('scope')),
    ...from,
  }
  const { deviceCode, userCode } = await devices.start(request, networkPrefix(from.address))
  const code = formatUserCode(userCode)
  sendJson(res, 200, {
    device_code: deviceCode,
    user_code: code,
    verification_uri: `${publicUrl}/device`,
    verification_uri_complete: `${publicUrl}/device?user_code=${code}`,
    expires_in: deviceCodeTtlMs / 1000,
    interval: pollIntervalMs / 1000,
  })
}

/** @see RFC 8628 §3.4 Device Access Token Request, §3.5 Device Access Token Response */
async function redeemDeviceCode(
  { devices, generations, credentials }: DeviceDeps,
  context: RequestContext,
): Promise<void> {
  const { req, res, log } = context
  const form = await readUrlencodedBody(req, res)
  const type = form.get('grant_type')
  if (type === undefined) throw oauthError('invalid_request', 'grant_type is required')
  if (type !== deviceCodeGrantType) {
    throw oauthError('unsupported_grant_type', `grant_type must be ${deviceCodeGrantType}`)
  }
  const deviceCode = form.get('device_code')
  if (!deviceCode) throw oauthError('invalid_request', 'device_code is required')
  const { secret, credential } = await devices.redeem(deviceCode, (approval, request) =>
    issueToken(credentials, toCredentialRequest(approval, request), approval.lifetimeMs, () =>
      requireCurrentGrant(generations, approval),
    ),
  )
  const { sub, id, scopes, folder, createdAt, expiresAt } = credential
  sendJson(res, 200, {
    access_token: secret,
    token_type: 'Bearer',
    expires_in: Math.floor((expiresAt - createdAt) / 1000),
    scope: scopes.join(' '),
  })
  audit(log, 'token_created', {
    sub,
    credential: undefined,
    tokenId: id,
    scopes: scopes.join(' '),
    folder: folder?.id,
    expires: new Date(expiresAt).toISOString(),
  })
}

/** Returns a pending request to the page that asks the user to approve it (RFC 8628 §3.3). */
async function showRequest(
  { authenticate, devices, grants }: DeviceDeps,
  context: RequestContext,
): Promise<void> {
  const { req, res, params } = context
  const { sub } = await authenticate(req, 'session')
  const [userCode = ''] = params
  const { clientName, scopes, address, userAgent, createdAt, expiresAt } = await devices.find(
    userCode,
    sub,
  )
  sendJson(res, 200, {
    user_code: formatUserCode(userCode.replaceAll('-', '').toUpperCase()),
    client_name: clientName,
    scopes,
    from: { address, userAgent },
    account: await findEmail(grants, sub),
    created: new Date(createdAt).toISOString(),
    expires: new Date(expiresAt).toISOString(),
  })
}

/** Approves or denies a request in the name of the signed-in account (RFC 8628 §3.3). */
async function decideRequest(deps: DeviceDeps, context: RequestContext): Promise<void> {
  const { authenticate, confirm, devices, grants } = deps
  const { req, res, signal, log } = context
  const owner = await authenticate(req, 'session')
  const { sub, generation, id } = owner
  const [userCode = ''] = context.params
  const { approve, account, ...params } = await readJsonBody(req, res)
  if (typeof approve !== 'boolean') throw badRequest('approve must be true or false')
  if (!approve) {
    await devices.decide(userCode, sub, undefined)
    res.writeHead(204).end()
    audit(log, 'device_denied', { sub, credential: id })
    return
  }
  // Another account may have signed in in another tab since the page showed this one.
  if (account !== (await findEmail(grants, sub))) {
    throw new GatewayError('account_changed', 'The signed-in account is not the one that was shown')
  }
  // The terminal requests the name and the scopes.
  if ('name' in params || 'scopes' in params) {
    throw badRequest('An approval must not have name or scopes')
  }
  const { request, lifetimeMs } = await readTokenParams(deps, owner, params, signal)
  const { folder = null, limits = null } = request
  const approval: DeviceApproval = { sub, generation, folder, limits, lifetimeMs }
  await confirm(req)
  const { scopes } = await devices.decide(userCode, sub, approval)
  res.writeHead(204).end()
  audit(log, 'device_approved', {
    sub,
    credential: id,
    tokenId: undefined,
    scopes: scopes.join(' '),
    folder: approval.folder?.id,
    expires: undefined,
  })
}

/** Describes the token of an approved request. Its name is the client's name. */
function toCredentialRequest(
  { sub, generation, folder, limits }: DeviceApproval,
  { clientName, scopes }: DeviceRequest,
): CredentialRequest {
  return {
    sub,
    generation,
    name: clientName ?? 'terminal',
    scopes,
    ...(folder === null ? {} : { folder }),
    ...(limits === null ? {} : { limits }),
  }
}

async function findEmail(grants: Pick<GrantStore, 'find'>, sub: string): Promise<string> {
  const grant = await grants.find(sub)
  if (!grant) throw new GatewayError('reauth_required', 'The account has no grant')
  return grant.email
}

/** Parses a space-delimited `scope` (RFC 6749 §3.3). The default is all scopes. */
function readScope(text: string | undefined): Scope[] {
  const requested = new Set((text ?? '').split(' ').filter((word) => word !== ''))
  if (requested.size === 0) return [...allScopes]
  const known = allScopes.filter((scope) => requested.has(scope))
  if (known.length === requested.size) return known
  throw oauthError('invalid_scope', `scope must be one or more of ${allScopes.join(' and ')}`)
}

function readClientName(name: string | undefined): string | null {
  if (name === undefined || name === '') return null
  // Rejects invisible characters and bidirectional overrides, which would mislead the reader.
  if (/^[^\p{C}\p{Zl}\p{Zp}]{1,60}$/u.test(name) && name.trim() !== '') return name
  throw oauthError('invalid_request', 'client_name must be a string of 1 to 60 visible characters')
}
