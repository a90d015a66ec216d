/** Routes of `/upload`: form, raw body, ticket and tus. */
import type { Route } from '../http/router.ts'
import type { UploadDeps } from './deps.ts'
import { uploadForm } from './form.ts'
import { uploadRaw } from './raw.ts'
import { maxRequestBytesHeader } from './size-limits.ts'
import { ticketRoutes } from './tickets.ts'
import { tusRoutes } from './tus/routes.ts'

export function uploadRoutes(deps: UploadDeps): Route[] {
  return [
    {
      method: 'POST',
      path: /^$/,
      headers: ['Idempotency-Key'],
      run: (context) => uploadForm(deps, context),
    },
    {
      method: 'OPTIONS',
      path: /^$/,
      async run({ res }) {
        if (deps.maxRequestBytes !== null) {
          res.setHeader(maxRequestBytesHeader, deps.maxRequestBytes)
        }
        res.writeHead(204).end()
      },
    },
    ...ticketRoutes(deps),
    ...tusRoutes(deps),
    {
      method: 'PUT',
      path: /^(?!tus(?:\/|$))(.+)$/s,
      headers: ['Idempotency-Key', 'Repr-Digest'],
      run: (context) => uploadRaw(deps, context),
    },
  ]
}
