/** Timeouts for client libraries, some of which retry for minutes. */

/**
 * Rejects when `work` takes longer than `ms` milliseconds. `work` continues; its result is ignored.
 *
 * @throws the error that `onTimeout` creates
 */
export async function withDeadline<T>(
  work: Promise<T>,
  timeoutMs: number,
  onTimeout: () => Error,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(onTimeout()), timeoutMs)
  })
  try {
    return await Promise.race([work, timeout])
  } finally {
    clearTimeout(timer)
  }
}
