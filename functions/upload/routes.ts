/** `/upload`: every way in. */
import type { Route } from '../http/router.ts'
import { ticketRoutes } from './tickets.ts'
import type { TicketParts } from './tickets.ts'
import { tusRoutes } from './tus/routes.ts'
import type { TusParts } from './tus/routes.ts'
import { ceilingHeader } from './response.ts'
import type { UploadFileParts } from './store-file.ts'
import { uploadForm } from './form.ts'
import { uploadRaw } from './raw.ts'

export interface UploadParts extends TicketParts, TusParts, UploadFileParts {
  allowances: TusParts['allowances']
}

export function uploadRoutes(parts: UploadParts): Route[] {
  return [
    {
      method: 'POST',
      path: /^$/,
      headers: ['Idempotency-Key'],
      run: (call) => uploadForm(parts, call),
    },
    {
      method: 'OPTIONS',
      path: /^$/,
      async run({ res }) {
        if (parts.maxRequestBytes !== null) res.setHeader(ceilingHeader, parts.maxRequestBytes)
        res.writeHead(204).end()
      },
    },
    ...ticketRoutes(parts),
    ...tusRoutes(parts),
    {
      method: 'PUT',
      path: /^(?!tus(?:\/|$))(.+)$/s,
      headers: ['Idempotency-Key', 'Repr-Digest'],
      run: (call) => uploadRaw(parts, call),
    },
  ]
}
