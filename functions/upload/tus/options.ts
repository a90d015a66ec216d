/** `OPTIONS`: what this server can do. */
import type { Call } from '../../http/router.ts'
import { ceilingHeader } from '../response.ts'
import { checksumAlgorithms } from './checksum.ts'
import { version } from './headers.ts'
import type { TusParts } from './routes.ts'

const extensions = [
  'creation',
  'creation-with-upload',
  'creation-defer-length',
  'checksum',
  'expiration',
  'termination',
]

/** Anybody may ask, in any version. */
export function describe({ maxFileBytes, maxRequestBytes }: TusParts, { res }: Call): void {
  res.writeHead(204, {
    'tus-resumable': version,
    'tus-version': version,
    'tus-extension': extensions.join(','),
    'tus-max-size': String(maxFileBytes),
    'tus-checksum-algorithm': checksumAlgorithms.join(','),
    ...(maxRequestBytes === null ? {} : { [ceilingHeader]: String(maxRequestBytes) }),
  })
  res.end()
}
