import type { RequestContext } from '../../http/router.ts'
import type { UploadDeps } from '../deps.ts'
import { refund, refundIfGone } from './quota.ts'
import { loadUpload } from './upload-url.ts'

/**
 * `DELETE`: cancels an upload, or deletes its file, past the bin.
 *
 * @throws {GatewayError} `file_changed_after_upload` when the file has been replaced or renamed since
 * @see tus 1.0.0, "Termination"
 */
export async function terminateUpload(deps: UploadDeps, context: RequestContext): Promise<void> {
  const { account, upload } = await loadUpload(deps, context)
  // Throws upload_gone for an upload that is already terminated.
  const query = deps.uploadSessions.offset(account, upload, context.signal)
  const { offset } = await refundIfGone(deps, upload, query)
  await deps.uploadSessions.terminate(account, upload)
  await refund(deps, upload, offset)
  context.res.writeHead(204).end()
  context.log('INFO', 'upload_terminated')
}
