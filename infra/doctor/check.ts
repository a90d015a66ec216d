import type { CheckOutcome } from './outcome.ts'
import type { Target } from './target.ts'

/** A check as data: for running, for reports, and for the docs. */
export interface Check {
  name: string
  why: string
  /** Runs only with an operator's credential. */
  needs?: 'operator'
  run(target: Target): Promise<CheckOutcome>
}
