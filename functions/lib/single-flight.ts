/** Runs at most one operation per key at a time; concurrent callers share its result or its error. */
export interface SingleFlight<K, V> {
  /** Joins the operation that runs for this key, or starts `work`. */
  run(key: K, work: () => Promise<V>): Promise<V>
  isRunning(key: K): boolean
}

export function createSingleFlight<K, V>(): SingleFlight<K, V> {
  const running = new Map<K, Promise<V>>()
  return {
    run(key, work) {
      const current = running.get(key)
      if (current) return current
      const started = work().finally(() => running.delete(key))
      running.set(key, started)
      return started
    },
    isRunning: (key) => running.has(key),
  }
}
