/** The transfer rate over a sliding window: stable to read, and quick to show a stall. */
const windowMs = 3_000

export function createTransferRate(now: () => number = () => performance.now()) {
  const samples: { time: number; bytes: number }[] = []
  return {
    /** @param bytes sent so far @returns bytes per second, 0 while unknown */
    update(bytes: number): number {
      const time = now()
      samples.push({ time, bytes })
      while (samples.length > 2 && time - (samples[1]?.time ?? time) > windowMs) samples.shift()
      const first = samples[0] ?? { time, bytes }
      const elapsed = time - first.time
      return elapsed < 250 ? 0 : ((bytes - first.bytes) * 1000) / elapsed
    },
  }
}
