import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Polls until a condition holds. The timeout ends the loop, because a loop that outlives its test keeps
 * the whole run alive.
 *
 * @throws the error of `condition`, or a timeout error
 */
export async function waitFor(
  condition: () => unknown,
  { timeoutMs = 60_000, intervalMs = 5 }: { timeoutMs?: number; intervalMs?: number } = {},
): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await condition())) {
    if (performance.now() > deadline) {
      throw new Error(`Timed out after ${timeoutMs / 1000} s waiting for ${String(condition)}`)
    }
    await sleep(intervalMs)
  }
}
