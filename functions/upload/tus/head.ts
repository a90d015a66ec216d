/** `HEAD`: where an upload stopped, asked of Drive each time. */
import type { Call } from '../../http/router.ts'
import { forgivingGone } from './quota.ts'
import { directUrl, expiry, fileHeaders, wantsDirect } from './headers.ts'
import type { TusParts } from './routes.ts'
import { openUpload } from './upload-url.ts'

export async function tellOffset(parts: TusParts, call: Call): Promise<void> {
  const { headers } = call.req
  const direct = wantsDirect(call.req)
  const { account, upload } = await openUpload(parts, call)
  // A page of our own sends no Origin with what only reads.
  const isTheirs = upload.origin === (headers.origin ?? parts.publicUrl)
  const asking = parts.resumes.position(account, upload, call.signal)
  const { offset, file } = await forgivingGone(parts, upload, asking)
  const length = file ? offset : upload.length
  call.res.writeHead(200, {
    'upload-offset': String(offset),
    ...(length === undefined
      ? { 'upload-defer-length': '1' }
      : { 'upload-length': String(length) }),
    ...(upload.metadata === '' ? {} : { 'upload-metadata': upload.metadata }),
    ...(file ? fileHeaders(file) : expiry(upload.expiresAt)),
    ...(direct && isTheirs && !file ? directUrl(upload.sessionUri) : {}),
  })
  call.res.end()
}
