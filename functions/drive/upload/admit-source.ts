import type { Reservation } from './buffer-pool.ts'

/**
 * Passes the bytes of an upload on. Its memory is reserved when the first bytes arrive: a client that
 * sends none reserves none.
 *
 * @throws {GatewayError} `over_capacity`
 */
export async function* admitOnFirstBytes<C extends Buffer | readonly Buffer[]>(
  source: AsyncIterable<C>,
  reservation: Pick<Reservation, 'admit'>,
  signal: AbortSignal,
): AsyncGenerator<C, void, undefined> {
  for await (const bytes of source) {
    await reservation.admit(signal)
    yield bytes
  }
}
