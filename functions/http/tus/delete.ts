/** `DELETE`: an upload given up, or its file taken out of Drive again. */
import type { Call } from '../handler.ts'
import type { TusParts } from './routes.ts'
import { openUpload } from './upload-url.ts'

export async function terminate(parts: TusParts, call: Call): Promise<void> {
  const { account, upload } = await openUpload(parts, call)
  await parts.resumes.position(account, upload, call.signal) // nothing is ended twice
  await parts.resumes.cancel(account, upload)
  call.res.writeHead(204).end()
  call.log('INFO', 'upload ended')
}
