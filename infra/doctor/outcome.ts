/** The outcome of a check. */
import type { ServerCheckOutcome } from '../../functions/auth/doctor/checks.ts'

export { failure } from '../../functions/auth/doctor/remedies.ts'

/** The check did not run; `reason` says why. */
export interface Skipped {
  ok: undefined
  reason: string
}

export type CheckOutcome = ServerCheckOutcome | Skipped

export interface CheckResult {
  name: string
  why: string
  outcome: CheckOutcome
}

export const passed: CheckOutcome = { ok: true }

export function skipped(reason: string): Skipped {
  return { ok: undefined, reason }
}
