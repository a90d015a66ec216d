import { expect, test } from '@jest/globals'
import { setTimeout as sleep } from 'node:timers/promises'
import { startInactivityTimeout } from '../../functions/lib/inactivity-timeout.ts'
import { waitFor } from '../kit/wait-for.ts'

/** Stands still as a frozen process does. */
function freeze(ms: number): void {
  const over = performance.now() + ms
  while (performance.now() < over);
}

test('it is over once, after its time', async () => {
  let overs = 0
  const started = performance.now()
  startInactivityTimeout(40, () => overs++)
  await waitFor(() => overs > 0)
  expect(performance.now() - started).toBeGreaterThan(30) // timers are whole milliseconds
  await sleep(80)
  expect(overs).toBe(1)
})

test('a pause of the process is not the silence of somebody else', async () => {
  const heard: string[] = []
  const timer = startInactivityTimeout(800, () => heard.push('nothing'))
  setTimeout(() => heard.push('something'), 850)
  for (let pauses = 0; pauses < 2; pauses++) {
    freeze(450)
    await sleep(1)
  }
  await waitFor(() => heard.length > 0)
  expect(heard).toEqual(['something'])
  timer.stop()
})

test('restarted, it takes its whole time again; stopped, it is never over', async () => {
  let over = false
  const timer = startInactivityTimeout(80, () => (over = true))
  for (let times = 0; times < 20; times++) {
    await sleep(10)
    timer.restart()
  }
  expect(over).toBe(false)
  timer.stop()
  await sleep(160)
  expect(over).toBe(false)
})
