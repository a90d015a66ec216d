/**
 * CI policies: which ID tokens of a CI system act as a credential of an account, and what they may do.
 *
 * Each policy has an audience of its own, which cannot be guessed and which a job requests its ID
 * token for. The audience leads to the policy with one read; a token for another audience finds none.
 * All policies of an account are one document, so that names are unique and their number is limited.
 */
import { createHash, randomBytes } from 'node:crypto'
import { GatewayError } from '../errors.ts'
import { createTtlCache } from '../lib/ttl-cache.ts'
import type { Versioned, VersionedStore } from '../store/versioned-store.ts'
import type { GrantBound } from './grant-generations.ts'
import type { Limits, Principal, Scope } from './principal.ts'

/** The properties that the owner sets. */
export interface PolicyParams {
  issuer: string
  /** Patterns that the token's claims must match, by claim. */
  claims: Record<string, string>
  scopes: readonly Scope[]
  folder: NonNullable<Principal['folder']> | null
  limits: Limits
  /** Milliseconds since 1970; `null` if the policy does not expire. */
  expiresAt: number | null
}

export interface Policy extends PolicyParams {
  name: string
  /** The random part of the audience: 128 bits. */
  handle: string
  createdAt: number
}

export interface PolicyRecord extends GrantBound {
  policies: Policy[]
}

export interface Policies {
  /**
   * Creates or replaces a policy; a replaced policy keeps its audience.
   *
   * @throws {GatewayError} `too_many_policies`
   */
  put(
    grant: GrantBound,
    name: string,
    params: PolicyParams,
  ): Promise<{ policy: Policy; isNew: boolean }>
  /** Sorted by name, expired policies included. */
  list(grant: GrantBound): Promise<Policy[]>
  find(grant: GrantBound, name: string): Promise<Policy | undefined>
  /** @returns whether the policy existed */
  remove(grant: GrantBound, name: string): Promise<boolean>
  /** Removes the policies of all grants of an account. */
  removeAll(sub: string): Promise<void>
  /** The key of a policy: the part of its audience that follows the public URL. */
  keyOf(sub: string, policy: Policy): string
  /**
   * Finds a policy by its key.
   *
   * @param fresh reads the store; by default the result may be one minute old
   */
  findByKey(key: string, fresh?: boolean): Promise<(GrantBound & { policy: Policy }) | undefined>
}

const maxPolicies = 20
const cacheTtlMs = 60_000
const maxCacheEntries = 1_000
const maxAttempts = 8
/** The expiry time of what does not expire, where a time is required. */
export const neverExpires = Date.UTC(9000, 0)

export function createPolicies(
  records: VersionedStore<PolicyRecord>,
  now: () => number = Date.now,
): Policies {
  const cache = createTtlCache<string, PolicyRecord>({
    maxEntries: maxCacheEntries,
    ttlMs: cacheTtlMs,
    now,
  })

  /** @param edit returns the new list, or `undefined` to leave it unchanged */
  async function update(
    grant: GrantBound,
    edit: (policies: Policy[]) => Policy[] | undefined,
  ): Promise<void> {
    const { sub, generation } = grant
    const id = idOf(sub)
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const current = await records.find(id)
      const policies = edit(policiesOf(grant, current?.value))
      if (!policies) return
      const written = await write(id, current, { sub, generation, policies })
      cache.delete(id)
      if (written) return
    }
    throw new GatewayError('store_unavailable', 'The policies kept changing')
  }

  const write = (
    id: string,
    current: Versioned<PolicyRecord> | undefined,
    record: PolicyRecord,
  ): Promise<unknown> =>
    current
      ? records.replace(id, current.etag, record, neverExpires)
      : records.create(id, record, neverExpires)

  /** Uses the cached record only if it has the policy, which may be newer than the record. */
  async function findRecord(
    id: string,
    handle: string,
    fresh: boolean,
  ): Promise<PolicyRecord | undefined> {
    const cached = fresh ? undefined : cache.get(id)
    if (cached?.policies.some((policy) => policy.handle === handle)) return cached
    return cache.load(id, async () => (await records.find(id))?.value)
  }

  const list = async (grant: GrantBound): Promise<Policy[]> =>
    policiesOf(grant, (await records.find(idOf(grant.sub)))?.value)

  return {
    list,

    async find(grant, name) {
      return (await list(grant)).find((policy) => policy.name === name)
    },

    async put(grant, name, params) {
      let result: { policy: Policy; isNew: boolean } | undefined
      await update(grant, (policies) => {
        const existing = policies.find((policy) => policy.name === name)
        const others = policies.filter((policy) => policy !== existing)
        if (others.length >= maxPolicies) {
          throw new GatewayError('too_many_policies', `The account has ${maxPolicies} policies`)
        }
        const { handle, createdAt } = existing ?? {
          handle: randomBytes(16).toString('base64url'),
          createdAt: now(),
        }
        const policy: Policy = { ...params, name, handle, createdAt }
        result = { policy, isNew: existing === undefined }
        return [...others, policy].toSorted((a, b) => (a.name < b.name ? -1 : 1))
      })
      if (!result) throw new GatewayError('internal', 'The policy was not written')
      return result
    },

    async remove(grant, name) {
      let existed = false
      await update(grant, (policies) => {
        existed = policies.some((policy) => policy.name === name)
        return existed ? policies.filter((policy) => policy.name !== name) : undefined
      })
      return existed
    },

    async removeAll(sub) {
      const id = idOf(sub)
      await records.removeEach([id])
      cache.delete(id)
    },

    keyOf: (sub, { handle }) => `${idOf(sub)}.${handle}`,

    async findByKey(key, fresh = false) {
      const [, id, handle] = /^([\da-f]{32})\.([\w-]{22})$/.exec(key) ?? []
      if (id === undefined || handle === undefined) return undefined
      const record = await findRecord(id, handle, fresh)
      const policy = record?.policies.find((candidate) => candidate.handle === handle)
      return record && policy && { sub: record.sub, generation: generationOf(record), policy }
    },
  }
}

/** The policies of a record, unless they were made under another grant. */
function policiesOf({ generation }: GrantBound, record: PolicyRecord | undefined): Policy[] {
  return record && generationOf(record) === generation ? record.policies : []
}

/** Records of earlier versions have no generation. */
function generationOf({ generation = '' }: Partial<GrantBound>): string {
  return generation
}

/** Validates a stored document; an invalid one grants no access. */
export function isPolicyRecord(record: Record<string, unknown>): boolean {
  const { sub, generation = '', policies } = record
  return (
    typeof sub === 'string' &&
    typeof generation === 'string' &&
    Array.isArray(policies) &&
    policies.every(isPolicy)
  )
}

function isPolicy(value: unknown): boolean {
  const { name, handle, issuer, claims, scopes, folder, limits, expiresAt } = {
    ...(value as Policy),
  }
  return (
    [name, handle, issuer].every((text) => typeof text === 'string') &&
    [claims, folder, limits].every((field) => typeof field === 'object') &&
    Object.values({ ...claims }).every((pattern) => typeof pattern === 'string') &&
    Array.isArray(scopes) &&
    (expiresAt === null || typeof expiresAt === 'number')
  )
}

/** The id of an account's document. It is part of audiences and does not reveal the account. */
function idOf(sub: string): string {
  return createHash('sha256').update(`policies of ${sub}`).digest('hex').slice(0, 32)
}
