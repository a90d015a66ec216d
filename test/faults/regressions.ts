/** Scenarios that once violated an invariant. They run before the random ones. */
import type { InjectedFault } from './fault-catalog.ts'
import { chunk } from './fixture.ts'
import type { Scenario } from './scenario.ts'

const once = { amount: 0, times: 1 }
const base = { method: 'form', contentSeed: 0, isAdaptive: false, disconnect: undefined } as const

/** A lost session is cancelled before another one is opened, and the cancellation failed. */
const failedCancellations: Scenario[] = (['400', '404', '410', '499'] as const).map((status) => ({
  ...base,
  sizes: [chunk + 1],
  faults: [
    { target: 'first chunk', kind: `${status} to a session`, ...once },
    { target: 'cancel', kind: '401', ...once },
  ] satisfies InjectedFault[],
}))

export const regressions: Scenario[] = [...failedCancellations]
