/** `DELETE`: an upload given up, or its file taken out of Drive again. */
import type { Call } from '../handler.ts'
import type { TusParts } from './routes.ts'
import { lifetimeMs, openUpload } from './upload-url.ts'
import type { TusUpload } from './upload-url.ts'

export async function terminate(parts: TusParts, call: Call): Promise<void> {
  const { account, upload } = await openUpload(parts, call)
  await parts.resumes.position(account, upload, call.signal) // nothing is ended twice
  await parts.resumes.cancel(account, upload)
  await giveBack(parts, upload)
  call.res.writeHead(204).end()
  call.log('INFO', 'upload ended')
}

/** What it counted for may be used again, once: of those who end it at the same time, one gets it. */
async function giveBack({ allowances, claims, now }: TusParts, upload: TusUpload): Promise<void> {
  const { id, counted } = upload
  if (!counted) return
  if (await claims.claim(`tus-${id}`, now() + lifetimeMs)) {
    await allowances.giveBack(counted, counted)
  }
}
