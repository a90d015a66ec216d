/** What the doctor tries as data: for running, for showing, for the docs. */
import type { Finding, Wrong } from '../../functions/auth/doctor/checks.ts'
import type { Patient } from './target.ts'

/** Not tried, and why: neither fine nor wrong. */
export interface Skipped {
  ok: undefined
  reason: string
}

export type Outcome = Finding | Skipped

export interface Check {
  name: string
  why: string
  /** Whoever is not the operator gets no further. */
  needs?: 'operator'
  try(patient: Patient): Promise<Outcome>
}

export interface Result {
  name: string
  why: string
  outcome: Outcome
}

export const fine: Finding = { ok: true }

export function wrong(cause: string, fix: string, command: string): Wrong {
  return { ok: false, cause, fix, command }
}

export function skipped(reason: string): Skipped {
  return { ok: undefined, reason }
}
