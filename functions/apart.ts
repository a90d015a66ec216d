/**
 * Work that runs outside the request's domain.
 *
 * The Functions Framework runs each request in a Node domain, which catches what a stray callback
 * throws, and makes every promise inside it several times as dear. Moving a body takes promises by
 * the ten thousand, and whatever fails in it is a rejection that somebody awaits: nothing to catch.
 */
interface Domain {
  enter(): void
  exit(): void
}

/** Starts the work; everything that it goes on with later is outside as well. */
export function apart<T>(start: () => T): T {
  const { domain } = process as { domain?: Domain | null }
  domain?.exit()
  try {
    return start()
  } finally {
    domain?.enter()
  }
}
