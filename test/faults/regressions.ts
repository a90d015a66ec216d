/** Schedules that once broke the promise: each is played before anything that chance finds. */
import type { Schedule } from './schedule.ts'

export const regressions: Schedule[] = []
