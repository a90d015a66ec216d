/**
 * Everything that Firestore holds: each collection, and the field by which a TTL policy clears it
 * up. The policies are made from the same list (`infra/google/firestore.tf`); expiry is checked on
 * every use all the same, since a policy may take a day.
 */
export const collections = {
  credentials: 'expiresAt',
  logins: 'expiresAt',
  folders: 'expiresAt',
  attempts: 'expiresAt',
  devices: 'expiresAt',
  policies: 'expiresAt',
  rates: 'expiresAt',
  usage: 'expiresAt',
  /** What people granted stays until they, or Google, end it. */
  grants: null,
} as const satisfies Record<string, string | null>

export type Collection = keyof typeof collections
