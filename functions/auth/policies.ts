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
import { readTokenTerms } from './token-params.ts'
import type { TokenTermsParts } from './token-params.ts'

export interface PolicyParts extends TokenTermsParts {
  identify: Identify
  policies: Policies
  jobs: Pick<Jobs, 'audienceOf'>
  oidc: Pick<Oidc, 'issuers'>
  now(): number
}

const path = /^policies\/([A-Za-z0-9][\w.-]{0,63})$/
const ofTerms = ['scopes', 'folder', 'path', 'maxBytes', 'maxFiles', 'expiresInDays']
const settable = ['issuer', 'claims', ...ofTerms]
/** So that an answer can be sent back changed; these are ours to say, and are not looked at. */
const given = ['name', 'audience', 'created', 'expires']

export function policyRoutes(parts: PolicyParts): Route[] {
  return [
    { method: 'GET', path: /^policies$/, run: (call) => list(parts, call) },
    { method: 'GET', path, run: (call) => show(parts, call) },
    { method: 'PUT', path, run: (call) => put(parts, call) },
    { method: 'DELETE', path, run: (call) => remove(parts, call) },
  ]
}

async function list({ identify, policies, jobs, oidc }: PolicyParts, call: Call): Promise<void> {
  const { req, res } = call
  const { sub } = await identify(req, 'owner')
  const all = await policies.list(sub)
  sendJson(res, 200, {
    policies: all.map((policy) => json(policy, jobs.audienceOf(sub, policy))),
    issuers: oidc.issuers,
  })
}

async function show({ identify, policies, jobs }: PolicyParts, call: Call): Promise<void> {
  const { req, res, params } = call
  const { sub } = await identify(req, 'owner')
  const policy = await policies.find(sub, params[0] ?? '')
  if (!policy) throw noSuch()
  sendJson(res, 200, json(policy, jobs.audienceOf(sub, policy)))
}

async function put(parts: PolicyParts, call: Call): Promise<void> {
  const { identify, policies, jobs } = parts
  const { req, res, params, signal, log } = call
  const { sub, id } = await identify(req, 'owner')
  const [name = ''] = params
  const terms = await readTerms(parts, sub, await readJson(req, res), signal)
  const { policy, isNew } = await policies.put(sub, name, terms)
  sendJson(res, isNew ? 201 : 200, json(policy, jobs.audienceOf(sub, policy)))
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

async function remove({ identify, policies }: PolicyParts, call: Call): Promise<void> {
  const { req, res, params, log } = call
  const { sub, id } = await identify(req, 'owner')
  const [name = ''] = params
  if (!(await policies.remove(sub, name))) throw noSuch()
  res.writeHead(204).end()
  audit(log, 'policy_removed', { sub, credential: id, policy: name })
}

async function readTerms(
  parts: PolicyParts,
  sub: string,
  body: Record<string, unknown>,
  signal: AbortSignal,
): Promise<PolicyTerms> {
  const { oidc, now } = parts
  // A name that is spelt wrong would make a policy that is wider than was meant.
  const isKnown = (member: string): boolean => settable.includes(member) || given.includes(member)
  if (!Object.keys(body).every(isKnown)) throw bad(`A policy has ${settable.join(', ')}`)
  const { issuer, claims, scopes: may, folder: where, path: below, expiresInDays } = body
  if (typeof issuer !== 'string' || !oidc.issuers.includes(issuer)) {
    throw bad(`issuer has to be one of ${oidc.issuers.join(', ') || 'none: OIDC_ISSUERS is empty'}`)
  }
  const wanted = readClaims(claims)
  const { maxBytes, maxFiles } = body
  const said = { scopes: may, folder: where, path: below, maxBytes, maxFiles, expiresInDays }
  const { grant, lifetimeMs } = await readTokenTerms(parts, sub, said, signal)
  const { scopes = [], folder = null, limits = {} } = grant
  // Unlike a token, a policy is no secret that somebody may lose: it may have no end.
  const isEndless = expiresInDays === undefined || expiresInDays === null
  const expiresAt = isEndless ? null : now() + lifetimeMs
  return { issuer, claims: wanted, scopes, folder, limits, expiresAt }
}

const claimName = /^[A-Za-z][\w.-]{0,63}$/
const mostClaims = 20
/** These are checked as the standard says, or of no meaning to a policy. */
const reserved = new Set(['iss', 'aud', 'exp', 'nbf', 'iat', 'jti'])

function readClaims(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw bad('claims has to be an object of claims and patterns')
  }
  const claims: Record<string, string> = {}
  const entries = Object.entries(value as Record<string, unknown>)
  for (const [claim, pattern] of entries) {
    if (!claimName.test(claim) || reserved.has(claim)) {
      throw bad('claims has a name that no pattern can be given for')
    }
    if (typeof pattern !== 'string' || !/^[^\p{Cc}\p{Cs}]{1,256}$/u.test(pattern)) {
      throw bad(`The pattern of ${claim} has to be a text of 1 to 256 characters`)
    }
    claims[claim] = pattern
  }
  if (entries.length > mostClaims) throw bad(`claims may have ${mostClaims} claims`)
  if (!namesAnOwner(claims)) {
    throw bad(
      'claims has to say whose jobs it means, such as "repository": "me/app" or "project_path": "me/app"',
    )
  }
  return claims
}

function json(policy: Policy, audience: string): Record<string, unknown> {
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

function noSuch(): GatewayError {
  return new GatewayError('not_found', 'No such policy of this account')
}

function bad(detail: string): GatewayError {
  return new GatewayError('bad_request', detail, { detail })
}
