/**
 * All Firestore collections and their TTL fields. `infra/google/firestore.tf` has a TTL policy for each.
 * Every read checks the expiry as well, because a TTL policy may take a day.
 */
export const collections = {
  credentials: 'expiresAt',
  singleUse: 'expiresAt',
  folders: 'expiresAt',
  idempotencyKeys: 'expiresAt',
  devices: 'expiresAt',
  policies: 'expiresAt',
  rateLimits: 'expiresAt',
  usage: 'expiresAt',
  /** Grants do not expire: the user or Google revokes them. */
  grants: null,
} as const satisfies Record<string, string | null>

export type Collection = keyof typeof collections
