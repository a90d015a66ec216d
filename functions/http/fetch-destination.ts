/** Fetch Metadata: the destination of a request in a browser. */
import type { IncomingMessage } from 'node:http'
import { GatewayError } from '../errors.ts'

/** Destinations whose response is read, navigated to or shown, and never run or framed. */
const allowed = new Set(['audio', 'document', 'empty', 'image', 'track', 'video'])

/**
 * Refuses requests whose response the browser would run or embed, such as `<script src>`: a stored file
 * must not become a script of the page. Clients that are no browser send no destination.
 *
 * @throws {GatewayError} `destination_not_allowed`
 * @see Fetch Metadata Request Headers, section 2.1
 */
export function assertDestination(req: IncomingMessage): void {
  const destination = req.headers['sec-fetch-dest']
  if (destination === undefined || allowed.has(destination)) return
  throw new GatewayError('destination_not_allowed', 'The response would be run or embedded')
}
