import type { RequestContext } from '../../http/router.ts'
import type { UploadDeps } from '../deps.ts'
import { refund, refundIfGone } from './quota.ts'
import { loadUpload } from './upload-url.ts'

/** `DELETE`: cancels an upload, or removes its file from Drive. @see tus 1.0.0, "Termination" */
export async function terminateUpload(deps: UploadDeps, context: RequestContext): Promise<void> {
  const { account, upload } = await loadUpload(deps, context)
  // Throws upload_gone for an upload that is already terminated.
  const query = deps.uploadSessions.offset(account, upload, context.signal)
  const { offset } = await refundIfGone(deps, upload, query)
  await deps.uploadSessions.cancel(account, upload)
  await refund(deps, upload, offset)
  context.res.writeHead(204).end()
  context.log('INFO', 'upload_terminated')
}
