/** `DELETE`: an upload given up, or its file taken out of Drive again. */
import type { Call } from '../../http/router.ts'
import { forgivingGone, giveBack } from './quota.ts'
import type { TusParts } from './routes.ts'
import { openUpload } from './upload-url.ts'

export async function terminate(parts: TusParts, call: Call): Promise<void> {
  const { account, upload } = await openUpload(parts, call)
  const { resumes } = parts
  // Nothing is ended twice.
  const asking = resumes.position(account, upload, call.signal)
  const { offset } = await forgivingGone(parts, upload, asking)
  await resumes.cancel(account, upload)
  await giveBack(parts, upload, offset)
  call.res.writeHead(204).end()
  call.log('INFO', 'upload ended')
}
