import type { RequestContext } from '../../http/router.ts'
import type { UploadDeps } from '../deps.ts'
import { directUrlHeaders, expiryHeaders, fileHeaders, requestsDirectUpload } from './headers.ts'
import { refundIfGone } from './quota.ts'
import { loadUpload } from './upload-url.ts'

/** `HEAD`: sends the offset of an upload, queried from Drive. @see tus 1.0.0, "HEAD" */
export async function sendOffset(deps: UploadDeps, context: RequestContext): Promise<void> {
  const { req, res, signal } = context
  const isDirectRequested = requestsDirectUpload(req)
  const { account, upload } = await loadUpload(deps, context)
  // Same-origin pages send no Origin with HEAD.
  const isSameOrigin = upload.origin === (req.headers.origin ?? deps.publicUrl)
  const query = deps.uploadSessions.offset(account, upload, signal)
  const [{ offset, file }, knownLength] = await Promise.all([
    refundIfGone(deps, upload, query),
    upload.length ?? deps.uploadLengths.find(upload.id),
  ])
  const length = file ? offset : knownLength
  res.writeHead(200, {
    'upload-offset': String(offset),
    ...(length === undefined
      ? { 'upload-defer-length': '1' }
      : { 'upload-length': String(length) }),
    ...(upload.metadata === '' ? {} : { 'upload-metadata': upload.metadata }),
    ...(file ? fileHeaders(file) : expiryHeaders(upload.expiresAt)),
    ...(isDirectRequested && isSameOrigin && !file ? directUrlHeaders(upload.sessionUri) : {}),
  })
  res.end()
}
