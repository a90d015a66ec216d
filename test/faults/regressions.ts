/** Schedules that once broke the promise: each is played before anything that chance finds. */
import type { Blow } from './fault-catalog.ts'
import { chunk } from './fixture.ts'
import type { Schedule } from './scenario.ts'

const once = { amount: 0, times: 1 }
const plain = { way: 'form', salt: 0, isPaced: false, leaves: undefined } as const

/** A session that Drive says is gone is ended before another is opened, and that failed. */
const endedInVain: Schedule[] = (['400', '404', '410', '499'] as const).map((status) => ({
  ...plain,
  sizes: [chunk + 1],
  blows: [
    { place: 'first chunk', kind: `${status} to a session`, ...once },
    { place: 'cancel', kind: '401', ...once },
  ] satisfies Blow[],
}))

export const regressions: Schedule[] = [...endedInVain]
