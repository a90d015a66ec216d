import type { RequestContext } from '../../http/router.ts'
import type { UploadDeps } from '../deps.ts'
import { maxRequestBytesHeader } from '../size-limits.ts'
import { checksumAlgorithms } from './checksum.ts'
import { tusVersion } from './headers.ts'

const extensions = [
  'creation',
  'creation-with-upload',
  'creation-defer-length',
  'checksum',
  'checksum-trailer',
  'expiration',
  'termination',
]

/** `OPTIONS`: sends the capabilities, for any version and credential. @see tus 1.0.0, "OPTIONS" */
export function sendCapabilities(
  { maxFileBytes, maxRequestBytes }: UploadDeps,
  { res }: RequestContext,
): void {
  res.writeHead(204, {
    'tus-resumable': tusVersion,
    'tus-version': tusVersion,
    'tus-extension': extensions.join(','),
    'tus-max-size': String(maxFileBytes),
    'tus-checksum-algorithm': checksumAlgorithms.join(','),
    ...(maxRequestBytes === null ? {} : { [maxRequestBytesHeader]: String(maxRequestBytes) }),
  })
  res.end()
}
