/** `/upload`: every way in. */
import type { Uploads } from '../drive/upload.ts'
import type { Route } from './handler.ts'
import { ticketRoutes } from './tickets.ts'
import type { TicketParts } from './tickets.ts'
import { uploadForm } from './upload-form.ts'

export interface UploadParts extends TicketParts {
  uploads: Uploads
  /** Milliseconds that a caller may send nothing. */
  idleMs: number
}

export function uploadRoutes(parts: UploadParts): Route[] {
  return [
    { method: 'POST', path: /^$/, run: (call) => uploadForm(parts, call) },
    ...ticketRoutes(parts),
  ]
}
