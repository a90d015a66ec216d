/**
 * Policies: which tokens of a CI system count as a credential of an account, and for what.
 *
 * Each policy has an audience of its own, which nobody can guess and for which a job asks its CI
 * system: by it one look finds the policy, and a token that was made for somebody else finds none.
 * All policies of an account are one document, so that a name is there once and their number holds.
 */
import { createHash, randomBytes } from 'node:crypto'
import { GatewayError } from '../errors.ts'
import { keepRecent } from '../lib/lru.ts'
import type { Records, Stored } from '../store/versioned-store.ts'
import type { Limits, Principal, Scope } from './principal.ts'

/** What its owner sets. */
export interface PolicyTerms {
  issuer: string
  /** Claims that a token has to have, and the patterns that their values have to fit. */
  claims: Record<string, string>
  scopes: readonly Scope[]
  folder: NonNullable<Principal['folder']> | null
  limits: Limits
  /** Milliseconds since 1970; `null` for no end. */
  expiresAt: number | null
}

export interface Policy extends PolicyTerms {
  name: string
  /** 128 random bits. */
  handle: string
  createdAt: number
}

export interface PolicyRecord {
  sub: string
  policies: Policy[]
}

export interface Policies {
  /**
   * Sets or replaces a policy; one that is replaced keeps its audience.
   *
   * @throws {GatewayError} `too_many_policies`
   */
  put(sub: string, name: string, terms: PolicyTerms): Promise<{ policy: Policy; isNew: boolean }>
  /** By name; those that are past their time too, since their owner may want to know. */
  list(sub: string): Promise<Policy[]>
  find(sub: string, name: string): Promise<Policy | undefined>
  /** @returns whether there was one */
  remove(sub: string, name: string): Promise<boolean>
  removeAll(sub: string): Promise<void>
  /** What comes behind our own address in the audience of a policy. */
  keyOf(sub: string, policy: Policy): string
  /** The policy with this key, perhaps as it was a minute ago. */
  byKey(key: string): Promise<{ sub: string; policy: Policy } | undefined>
}

const mostPolicies = 20
const heldMs = 60_000
const mostHeld = 1_000
const mostRounds = 8
/** For what has no end, where one has to be said. */
export const never = Date.UTC(9000, 0)

export function createPolicies(
  records: Records<PolicyRecord>,
  now: () => number = Date.now,
): Policies {
  const held = new Map<string, { record: PolicyRecord; until: number }>()
  /** Counts what was changed, so that a look that was under way meanwhile is not kept. */
  let changes = 0

  /** @param edit gives the new list, or nothing to leave it */
  async function change(
    sub: string,
    edit: (policies: Policy[]) => Policy[] | undefined,
  ): Promise<void> {
    const id = idOf(sub)
    for (let round = 0; round < mostRounds; round++) {
      const there = await records.find(id)
      const policies = edit(there?.value.policies ?? [])
      if (!policies) return
      const written = await write(id, there, { sub, policies })
      changes++
      held.delete(id)
      if (written) return
    }
    throw new GatewayError('store_unavailable', 'The policies changed all the time')
  }

  const write = (
    id: string,
    there: Stored<PolicyRecord> | undefined,
    record: PolicyRecord,
  ): Promise<unknown> =>
    there ? records.replace(id, there.revision, record, never) : records.create(id, record, never)

  /** What an account had a moment ago, as far as this policy was among it. */
  async function lookUp(id: string, handle: string): Promise<PolicyRecord | undefined> {
    const has = (record: PolicyRecord | undefined): boolean =>
      record?.policies.some((policy) => policy.handle === handle) === true
    const known = held.get(id)
    // A clock that was set back makes nothing last longer.
    const left = known ? known.until - now() : 0
    if (known && has(known.record) && left > 0 && left <= heldMs) return known.record
    const before = changes
    const record = (await records.find(id))?.value
    if (!record || before !== changes) held.delete(id)
    else keepRecent(held, id, { record, until: now() + heldMs }, mostHeld)
    return record
  }

  const list = async (sub: string): Promise<Policy[]> =>
    (await records.find(idOf(sub)))?.value.policies ?? []

  return {
    list,

    async find(sub, name) {
      return (await list(sub)).find((policy) => policy.name === name)
    },

    async put(sub, name, terms) {
      let outcome: { policy: Policy; isNew: boolean } | undefined
      await change(sub, (policies) => {
        const old = policies.find((policy) => policy.name === name)
        const others = policies.filter((policy) => policy !== old)
        if (others.length >= mostPolicies) {
          throw new GatewayError('too_many_policies', 'The account has as many as it may have')
        }
        const { handle, createdAt } = old ?? {
          handle: randomBytes(16).toString('base64url'),
          createdAt: now(),
        }
        const policy: Policy = { ...terms, name, handle, createdAt }
        outcome = { policy, isNew: old === undefined }
        return [...others, policy].toSorted((a, b) => (a.name < b.name ? -1 : 1))
      })
      if (!outcome) throw new GatewayError('internal', 'A policy was set and is nowhere')
      return outcome
    },

    async remove(sub, name) {
      let wasThere = false
      await change(sub, (policies) => {
        wasThere = policies.some((policy) => policy.name === name)
        return wasThere ? policies.filter((policy) => policy.name !== name) : undefined
      })
      return wasThere
    },

    removeAll: (sub) => change(sub, (policies) => (policies.length > 0 ? [] : undefined)),

    keyOf: (sub, { handle }) => `${idOf(sub)}.${handle}`,

    async byKey(key) {
      const [, id, handle] = /^([\da-f]{32})\.([\w-]{22})$/.exec(key) ?? []
      if (id === undefined || handle === undefined) return undefined
      const record = await lookUp(id, handle)
      const policy = record?.policies.find((one) => one.handle === handle)
      return record && policy && { sub: record.sub, policy }
    },
  }
}

/** Whether a document is one of these; of another shape, it lets nobody in. */
export function isPolicyRecord({ sub, policies }: Record<string, unknown>): boolean {
  return typeof sub === 'string' && Array.isArray(policies) && policies.every(isPolicy)
}

function isPolicy(value: unknown): boolean {
  const { name, handle, issuer, claims, scopes, folder, limits, expiresAt } = {
    ...(value as Policy),
  }
  return (
    [name, handle, issuer].every((text) => typeof text === 'string') &&
    [claims, folder, limits].every((part) => typeof part === 'object') &&
    Object.values({ ...claims }).every((pattern) => typeof pattern === 'string') &&
    Array.isArray(scopes) &&
    (expiresAt === null || typeof expiresAt === 'number')
  )
}

/** The name of an account's document: it stands in audiences, and says nothing of the account. */
function idOf(sub: string): string {
  return createHash('sha256').update(`policies of ${sub}`).digest('hex').slice(0, 32)
}
