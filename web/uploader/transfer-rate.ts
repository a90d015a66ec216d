/** Bytes a second over the last few seconds: steady to read, and quick to show that nothing moves. */
const span = 3_000

export function createMeter(now: () => number = () => performance.now()) {
  const samples: { at: number; bytes: number }[] = []
  return {
    /** @param bytes sent so far @returns bytes a second, 0 while it cannot be known */
    rate(bytes: number): number {
      const at = now()
      samples.push({ at, bytes })
      while (samples.length > 2 && at - (samples[1]?.at ?? at) > span) samples.shift()
      const first = samples[0] ?? { at, bytes }
      const elapsed = at - first.at
      return elapsed < 250 ? 0 : ((bytes - first.bytes) * 1000) / elapsed
    },
  }
}
