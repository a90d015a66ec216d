/** `/auth/policies`: policies that let CI jobs authenticate with their OIDC token, without a secret. */
import { GatewayError } from '../errors.ts'
import type { CiAuthentication } from '../identity/ci-authentication.ts'
import type { CiTokenVerifier } from '../identity/ci-token-verifier.ts'
import type { GrantBound } from '../identity/grant-generations.ts'
import { namesAnOwner } from '../identity/claim-pattern.ts'
import type { Policies, Policy, PolicyParams } from '../identity/policies.ts'
import { audit } from '../http/audit.ts'
import type { RequestContext, Route } from '../http/router.ts'
import type { Authenticate, Authentication } from '../http/authenticate.ts'
import { readJsonBody } from '../http/json-body.ts'
import { sendJson } from '../http/problem.ts'
import { writeConfirmed } from './confirmed-write.ts'
import { badRequest } from './request-errors.ts'
import { readTokenParams } from './token-params.ts'
import type { TokenParamsDeps } from './token-params.ts'

export interface PolicyDeps extends TokenParamsDeps {
  authenticate: Authenticate
  confirm: Authentication['confirm']
  policies: Policies
  ciAuthentication: Pick<CiAuthentication, 'audienceOf'>
  ciTokenVerifier: Pick<CiTokenVerifier, 'issuers'>
  now(): number
}

const path = /^policies\/([A-Za-z0-9][\w.-]{0,63})$/
const credentialParams = ['scopes', 'folder', 'path', 'maxBytes', 'maxFiles', 'expiresInDays']
const writableMembers = ['issuer', 'claims', ...credentialParams]
/** Members of our responses. A request may repeat them, and they are ignored. */
const readOnlyMembers = ['name', 'audience', 'created', 'expires']
const knownMembers = new Set([...writableMembers, ...readOnlyMembers])

export function policyRoutes(deps: PolicyDeps): Route[] {
  return [
    { method: 'GET', path: /^policies$/, run: (context) => listPolicies(deps, context) },
    { method: 'GET', path, run: (context) => showPolicy(deps, context) },
    { method: 'PUT', path, run: (context) => putPolicy(deps, context) },
    { method: 'DELETE', path, run: (context) => deletePolicy(deps, context) },
  ]
}

async function listPolicies(
  { authenticate, policies, ciAuthentication, ciTokenVerifier }: PolicyDeps,
  context: RequestContext,
): Promise<void> {
  const { req, res } = context
  const owner = await authenticate(req, 'session')
  const all = await policies.list(owner)
  sendJson(res, 200, {
    policies: all.map((policy) =>
      describePolicy(policy, ciAuthentication.audienceOf(owner.sub, policy)),
    ),
    issuers: ciTokenVerifier.issuers,
  })
}

async function showPolicy(
  { authenticate, policies, ciAuthentication }: PolicyDeps,
  context: RequestContext,
): Promise<void> {
  const { req, res, params } = context
  const owner = await authenticate(req, 'session')
  const policy = await policies.find(owner, params[0] ?? '')
  if (!policy) throw policyNotFound()
  sendJson(res, 200, describePolicy(policy, ciAuthentication.audienceOf(owner.sub, policy)))
}

async function putPolicy(deps: PolicyDeps, context: RequestContext): Promise<void> {
  const { authenticate, confirm, policies, ciAuthentication } = deps
  const { req, res, params, signal, log } = context
  const owner = await authenticate(req, 'session')
  const { sub, id } = owner
  const [name = ''] = params
  const policyParams = await readPolicyParams(deps, owner, await readJsonBody(req, res), signal)
  const { policy, isNew } = await writeConfirmed(
    () => confirm(req),
    () => policies.put(owner, name, policyParams),
    () => policies.remove(owner, name),
  )
  sendJson(res, isNew ? 201 : 200, describePolicy(policy, ciAuthentication.audienceOf(sub, policy)))
  audit(log, 'policy_set', {
    sub,
    credential: id,
    policy: name,
    issuer: policy.issuer,
    scopes: policy.scopes.join(' '),
    folder: policy.folder?.id,
    expires: expiryOf(policy) ?? undefined,
  })
}

async function deletePolicy(
  { authenticate, policies }: PolicyDeps,
  context: RequestContext,
): Promise<void> {
  const { req, res, params, log } = context
  const owner = await authenticate(req, 'session')
  const [name = ''] = params
  if (!(await policies.remove(owner, name))) throw policyNotFound()
  res.writeHead(204).end()
  audit(log, 'policy_removed', { sub: owner.sub, credential: owner.id, policy: name })
}

async function readPolicyParams(
  deps: PolicyDeps,
  owner: GrantBound,
  body: Record<string, unknown>,
  signal: AbortSignal,
): Promise<PolicyParams> {
  const { ciTokenVerifier, now } = deps
  // A misspelt member would make the policy wider than intended.
  if (!Object.keys(body).every((member) => knownMembers.has(member))) {
    throw badRequest(`A policy has only the members ${writableMembers.join(', ')}`)
  }
  const { issuer, expiresInDays } = body
  if (typeof issuer !== 'string' || !ciTokenVerifier.issuers.includes(issuer)) {
    throw badRequest(
      `issuer must be one of ${ciTokenVerifier.issuers.join(', ') || 'none: OIDC_ISSUERS is empty'}`,
    )
  }
  const claims = readClaims(body['claims'])
  const params = Object.fromEntries(credentialParams.map((name) => [name, body[name]]))
  const { request, lifetimeMs } = await readTokenParams(deps, owner, params, signal)
  const { scopes = [], folder = null, limits = {} } = request
  // A policy is not a secret that may leak, so unlike a token it may never expire.
  const neverExpires = expiresInDays === undefined || expiresInDays === null
  const expiresAt = neverExpires ? null : now() + lifetimeMs
  return { issuer, claims, scopes, folder, limits, expiresAt }
}

const claimName = /^[A-Za-z][\w.-]{0,63}$/
const maxClaims = 20
/** Claims that are verified by RFC 7519 §4.1, or that differ for each token. */
const reservedClaims = new Set(['iss', 'aud', 'exp', 'nbf', 'iat', 'jti'])

function readClaims(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badRequest('claims must be an object of claim names and patterns')
  }
  const claims: Record<string, string> = {}
  const entries = Object.entries(value as Record<string, unknown>)
  for (const [claim, pattern] of entries) {
    if (!claimName.test(claim) || reservedClaims.has(claim)) {
      throw badRequest(`claims must not have ${JSON.stringify(claim.slice(0, 64))}`)
    }
    if (typeof pattern !== 'string' || !/^[^\p{Cc}\p{Cs}]{1,256}$/u.test(pattern)) {
      throw badRequest(`The pattern of ${claim} must be a string of 1 to 256 characters`)
    }
    claims[claim] = pattern
  }
  if (entries.length > maxClaims) throw badRequest(`claims may have at most ${maxClaims} members`)
  if (!namesAnOwner(claims)) {
    throw badRequest(
      'claims must name the owner of the jobs, such as "repository_id": "456" with "repository_owner_id": "123", or "project_path": "me/app"',
    )
  }
  return claims
}

function describePolicy(policy: Policy, audience: string): Record<string, unknown> {
  const { name, issuer, claims, folder, scopes, limits, createdAt } = policy
  return {
    name,
    audience,
    issuer,
    claims,
    folder,
    scopes,
    maxBytes: limits.maxBytes ?? null,
    maxFiles: limits.maxFiles ?? null,
    created: new Date(createdAt).toISOString(),
    expires: expiryOf(policy),
  }
}

function expiryOf({ expiresAt }: Policy): string | null {
  return expiresAt === null ? null : new Date(expiresAt).toISOString()
}

function policyNotFound(): GatewayError {
  return new GatewayError('not_found', 'The account has no policy with this name')
}
