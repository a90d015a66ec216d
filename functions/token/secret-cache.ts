/** Secrets by name, kept for a while and fetched again on demand. */
import { GatewayError } from '../errors.ts'

/** Fetches a secret's text from where it lives. */
export type FetchSecret = (name: string) => Promise<string>

export interface Secrets {
  /**
   * @param fresh whether what is held has just proved wrong; fetched again then, though not more
   *   often than every half minute, whoever asks
   * @throws {GatewayError} `misconfigured` or `store_unavailable`, when nothing usable is held
   */
  read(name: string, fresh?: boolean): Promise<string>
}

const lifetimeMs = 10 * 60_000
const freshEveryMs = 30_000

interface Held {
  value: string
  fetchedAt: number
}

export function createSecrets(fetchSecret: FetchSecret, now: () => number = Date.now): Secrets {
  const held = new Map<string, Held>()
  const fetching = new Map<string, Promise<Held>>() // one fetch at a time per name

  function fetchOnce(name: string): Promise<Held> {
    const under = fetching.get(name)
    if (under) return under
    const started = fetchSecret(name)
      .then((value) => {
        const entry = { value, fetchedAt: now() }
        held.set(name, entry)
        return entry
      })
      .finally(() => fetching.delete(name))
    fetching.set(name, started)
    return started
  }

  return {
    async read(name, fresh = false) {
      const entry = held.get(name)
      const age = entry ? now() - entry.fetchedAt : Infinity
      if (entry && age < (fresh ? freshEveryMs : lifetimeMs)) return entry.value
      try {
        return (await fetchOnce(name)).value
      } catch (error) {
        // A store that is down for a moment need not end what works with the value at hand.
        if (!entry || !(error instanceof GatewayError) || !error.retryable) throw error
        // Nor need everybody wait for it in vain.
        held.set(name, { ...entry, fetchedAt: now() - lifetimeMs + freshEveryMs })
        return entry.value
      }
    },
  }
}
