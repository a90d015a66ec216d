import { expect, test } from '@jest/globals'
import { setTimeout as sleep } from 'node:timers/promises'
import { startInactivityTimeout } from '../../functions/lib/inactivity-timeout.ts'
import { waitFor } from '../kit/wait-for.ts'

/** Blocks the event loop, like a pause of the process. */
function freeze(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

test('startInactivityTimeout() calls onTimeout once, after the given time', async () => {
  let calls = 0
  const started = performance.now()
  startInactivityTimeout(40, () => calls++)
  await waitFor(() => calls > 0)
  expect(performance.now() - started).toBeGreaterThan(30) // timers are whole milliseconds
  await sleep(80)
  expect(calls).toBe(1)
})

test('a pause of the process does not count as inactivity of the peer', async () => {
  const events: string[] = []
  const timeout = startInactivityTimeout(200, () => events.push('timeout'))
  setTimeout(() => events.push('data'), 212)
  for (let pauses = 0; pauses < 2; pauses++) {
    freeze(113)
    await sleep(1)
  }
  await waitFor(() => events.length > 0)
  expect(events).toEqual(['data'])
  timeout.stop()
})

test('restart() starts the whole time again, and stop() prevents onTimeout', async () => {
  let timedOut = false
  const timeout = startInactivityTimeout(80, () => (timedOut = true))
  for (let times = 0; times < 20; times++) {
    await sleep(10)
    timeout.restart()
  }
  expect(timedOut).toBe(false)
  timeout.stop()
  await sleep(160)
  expect(timedOut).toBe(false)
})
