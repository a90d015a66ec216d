/** What the doctor tries as data: for running, for showing, for the docs. */
import type { Finding, Wrong } from '../../functions/auth/doctor/checks.ts'
import type { Target } from './target.ts'

/** Not tried, and why: neither fine nor wrong. */
export interface Skipped {
  ok: undefined
  reason: string
}

export type CheckOutcome = Finding | Skipped

export interface Check {
  name: string
  why: string
  /** Whoever is not the operator gets no further. */
  needs?: 'operator'
  run(patient: Target): Promise<CheckOutcome>
}

export interface CheckResult {
  name: string
  why: string
  outcome: CheckOutcome
}

export const passed: Finding = { ok: true }

export function failed(cause: string, fix: string, command: string): Wrong {
  return { ok: false, cause, fix, command }
}

export function skipped(reason: string): Skipped {
  return { ok: undefined, reason }
}
