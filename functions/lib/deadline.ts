/** An end to waiting for client libraries, some of which try again for minutes. */

/**
 * @param work goes on by itself after that; what becomes of it then concerns nobody
 * @throws what `late` makes, when it is not done in time
 */
export async function withDeadline<T>(work: Promise<T>, ms: number, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const end = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), ms)
  })
  try {
    return await Promise.race([work, end])
  } finally {
    clearTimeout(timer)
  }
}
