/** Limits how many requests one network, and all networks together, may hold at a time. */
export interface NetworkSlots {
  /** @returns a function that frees the slot; `undefined` when none is left */
  take(network: string): (() => void) | undefined
}

/** @param perNetwork by default a quarter of the total */
export function createNetworkSlots(
  total: number,
  perNetwork = Math.max(1, Math.floor(total / 4)),
): NetworkSlots {
  const taken = new Map<string, number>()
  let all = 0
  return {
    take(network) {
      const own = taken.get(network) ?? 0
      if (all >= total || own >= perNetwork) return undefined
      taken.set(network, own + 1)
      all++
      let isFree = false
      return () => {
        if (isFree) return
        isFree = true
        all--
        const left = (taken.get(network) ?? 1) - 1
        if (left > 0) taken.set(network, left)
        else taken.delete(network)
      }
    },
  }
}
