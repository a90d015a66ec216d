/** How long a session lasts, in milliseconds. */
export interface SessionLifetime {
  /** Since the sign-in. */
  maxMs: number
  /** Since its last use; `Infinity` for no limit. */
  idleMs: number
}

const dayMs = 24 * 60 * 60_000
const hourMs = 60 * 60_000

export const defaultSessionLifetime: SessionLifetime = { maxMs: 30 * dayMs, idleMs: 14 * dayMs }

/** @param usedAt unknown for a session of an earlier version, until its next use */
export function sessionExpiry(
  { maxMs, idleMs }: SessionLifetime,
  { createdAt, usedAt = Infinity }: { createdAt: number; usedAt?: number },
): number {
  return Math.min(createdAt + maxMs, usedAt + idleMs)
}

/** Minimum time between two updates of the last use. */
export function markIntervalMs({ idleMs }: SessionLifetime): number {
  return Math.min(hourMs, idleMs / 10)
}
