/** `/auth/policies`: which jobs of a CI system may call without a secret. */
import { GatewayError } from '../errors.ts'
import type { Jobs } from '../identity/ci-authentication.ts'
import type { Oidc } from '../identity/ci-token-verifier.ts'
import { namesAnOwner } from '../identity/claim-pattern.ts'
import type { Policies, Policy, PolicyTerms } from '../identity/policies.ts'
import { audit } from '../http/audit.ts'
import type { Call, Route } from '../http/router.ts'
import type { Identify } from '../http/authenticate.ts'
import { readJson } from '../http/json-body.ts'
import { sendJson } from '../http/problem.ts'
import { readTokenParams } from './token-params.ts'
import type { TokenParamsDeps } from './token-params.ts'

export interface PolicyDeps extends TokenParamsDeps {
  identify: Identify
  policies: Policies
  jobs: Pick<Jobs, 'audienceOf'>
  oidc: Pick<Oidc, 'issuers'>
  now(): number
}

const path = /^policies\/([A-Za-z0-9][\w.-]{0,63})$/
const credentialParams = ['scopes', 'folder', 'path', 'maxBytes', 'maxFiles', 'expiresInDays']
const writableMembers = ['issuer', 'claims', ...credentialParams]
/** So that an answer can be sent back changed; these are ours to say, and are not looked at. */
const readOnlyMembers = ['name', 'audience', 'created', 'expires']

export function policyRoutes(deps: PolicyDeps): Route[] {
  return [
    { method: 'GET', path: /^policies$/, run: (call) => listPolicies(deps, call) },
    { method: 'GET', path, run: (call) => showPolicy(deps, call) },
    { method: 'PUT', path, run: (call) => putPolicy(deps, call) },
    { method: 'DELETE', path, run: (call) => deletePolicy(deps, call) },
  ]
}

async function listPolicies(
  { identify, policies, jobs, oidc }: PolicyDeps,
  call: Call,
): Promise<void> {
  const { req, res } = call
  const { sub } = await identify(req, 'owner')
  const all = await policies.list(sub)
  sendJson(res, 200, {
    policies: all.map((policy) => describePolicy(policy, jobs.audienceOf(sub, policy))),
    issuers: oidc.issuers,
  })
}

async function showPolicy({ identify, policies, jobs }: PolicyDeps, call: Call): Promise<void> {
  const { req, res, params } = call
  const { sub } = await identify(req, 'owner')
  const policy = await policies.find(sub, params[0] ?? '')
  if (!policy) throw policyNotFound()
  sendJson(res, 200, describePolicy(policy, jobs.audienceOf(sub, policy)))
}

async function putPolicy(deps: PolicyDeps, call: Call): Promise<void> {
  const { identify, policies, jobs } = deps
  const { req, res, params, signal, log } = call
  const { sub, id } = await identify(req, 'owner')
  const [name = ''] = params
  const terms = await readPolicyParams(deps, sub, await readJson(req, res), signal)
  const { policy, isNew } = await policies.put(sub, name, terms)
  sendJson(res, isNew ? 201 : 200, describePolicy(policy, jobs.audienceOf(sub, policy)))
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

async function deletePolicy({ identify, policies }: PolicyDeps, call: Call): Promise<void> {
  const { req, res, params, log } = call
  const { sub, id } = await identify(req, 'owner')
  const [name = ''] = params
  if (!(await policies.remove(sub, name))) throw policyNotFound()
  res.writeHead(204).end()
  audit(log, 'policy_removed', { sub, credential: id, policy: name })
}

async function readPolicyParams(
  deps: PolicyDeps,
  sub: string,
  body: Record<string, unknown>,
  signal: AbortSignal,
): Promise<PolicyTerms> {
  const { oidc, now } = deps
  // A name that is spelt wrong would make a policy that is wider than was meant.
  const isKnown = (member: string): boolean =>
    writableMembers.includes(member) || readOnlyMembers.includes(member)
  if (!Object.keys(body).every(isKnown)) throw bad(`A policy has ${writableMembers.join(', ')}`)
  const { issuer, claims, scopes: may, folder: where, path: below, expiresInDays } = body
  if (typeof issuer !== 'string' || !oidc.issuers.includes(issuer)) {
    throw bad(`issuer has to be one of ${oidc.issuers.join(', ') || 'none: OIDC_ISSUERS is empty'}`)
  }
  const wanted = readClaims(claims)
  const { maxBytes, maxFiles } = body
  const said = { scopes: may, folder: where, path: below, maxBytes, maxFiles, expiresInDays }
  const { grant, lifetimeMs } = await readTokenParams(deps, sub, said, signal)
  const { scopes = [], folder = null, limits = {} } = grant
  // Unlike a token, a policy is no secret that somebody may lose: it may have no end.
  const isEndless = expiresInDays === undefined || expiresInDays === null
  const expiresAt = isEndless ? null : now() + lifetimeMs
  return { issuer, claims: wanted, scopes, folder, limits, expiresAt }
}

const claimName = /^[A-Za-z][\w.-]{0,63}$/
const maxClaims = 20
/** These are checked as the standard says, or of no meaning to a policy. */
const reservedClaims = new Set(['iss', 'aud', 'exp', 'nbf', 'iat', 'jti'])

function readClaims(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw bad('claims has to be an object of claims and patterns')
  }
  const claims: Record<string, string> = {}
  const entries = Object.entries(value as Record<string, unknown>)
  for (const [claim, pattern] of entries) {
    if (!claimName.test(claim) || reservedClaims.has(claim)) {
      throw bad('claims has a name that no pattern can be given for')
    }
    if (typeof pattern !== 'string' || !/^[^\p{Cc}\p{Cs}]{1,256}$/u.test(pattern)) {
      throw bad(`The pattern of ${claim} has to be a text of 1 to 256 characters`)
    }
    claims[claim] = pattern
  }
  if (entries.length > maxClaims) throw bad(`claims may have ${maxClaims} claims`)
  if (!namesAnOwner(claims)) {
    throw bad(
      'claims has to say whose jobs it means, such as "repository": "me/app" or "project_path": "me/app"',
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
  return new GatewayError('not_found', 'No such policy of this account')
}

function bad(detail: string): GatewayError {
  return new GatewayError('bad_request', detail, { detail })
}
