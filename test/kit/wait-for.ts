/** Waiting in tests. */
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Waits for something that happens by itself. What never does is no reason to stay for ever: a loop
 * that outlives its test keeps the whole run alive.
 *
 * @throws what `holds` throws, or that it has not come about
 */
export async function until(
  holds: () => unknown,
  { patienceMs = 60_000, everyMs = 5 }: { patienceMs?: number; everyMs?: number } = {},
): Promise<void> {
  const giveUpAt = performance.now() + patienceMs
  while (!(await holds())) {
    if (performance.now() > giveUpAt) {
      throw new Error(`Has not come about in ${patienceMs / 1000} s: ${String(holds)}`)
    }
    await sleep(everyMs)
  }
}
