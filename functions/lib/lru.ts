/** Maps that do not grow without end: what was used longest ago goes first. */

/** Puts an entry last, and drops the first ones while there are more than `most`. */
export function keepRecent<K, V>(map: Map<K, V>, key: K, value: V, most: number): void {
  map.delete(key)
  map.set(key, value)
  for (const oldest of map.keys()) {
    if (map.size <= most) break
    map.delete(oldest)
  }
}
