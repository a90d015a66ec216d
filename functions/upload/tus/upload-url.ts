/**
 * Self-contained upload URLs: the state of an upload is sealed into its URL for its owner, so that
 * every instance can continue it without stored state.
 */
import type { DriveAccount } from '../../drive/client/account.ts'
import type { OpenUpload } from '../../drive/upload/upload-offset.ts'
import { GatewayError } from '../../errors.ts'
import { sealSubject } from '../../http/folder-scope.ts'
import type { SealOwner } from '../../http/folder-scope.ts'
import type { RequestContext } from '../../http/router.ts'
import type { Principal } from '../../identity/principal.ts'
import type { Amount, CounterKey } from '../../identity/usage-counter.ts'
import type { UploadDeps } from '../deps.ts'

export interface TusUpload extends OpenUpload {
  /** `Upload-Metadata` as sent; an empty string without metadata. */
  metadata: string
  /** Origin whose pages may send bytes to the session URI; set for direct uploads only. */
  origin?: string
  /** Milliseconds since 1970. */
  expiresAt: number
  /** What the upload uses of each quota; refunded when it is terminated. */
  charges?: (CounterKey & Amount)[]
}

/** @returns an absolute URL */
export async function uploadUrl(
  { seal, publicUrl }: Pick<UploadDeps, 'seal' | 'publicUrl'>,
  owner: SealOwner,
  upload: TusUpload,
): Promise<string> {
  return `${publicUrl}/upload/tus/${await seal.seal(sealPurpose(owner), upload)}`
}

/**
 * Authenticates the request and unseals the upload that its path names.
 *
 * @throws {GatewayError} `not_found`, also for an upload of another account; `upload_gone` after its
 *   expiration
 */
export async function loadUpload(
  { authenticate, accountOf, seal, now }: UploadDeps,
  { req, params }: RequestContext,
): Promise<{ principal: Principal; account: DriveAccount; upload: TusUpload }> {
  const principal = await authenticate(req, 'upload')
  const unsealed = await seal.open(sealPurpose(principal), params[0] ?? '')
  if (!unsealed) throw new GatewayError('not_found', 'The account has no upload with this URL')
  const upload = unsealed as unknown as TusUpload
  if (upload.expiresAt <= now()) throw new GatewayError('upload_gone', 'The upload has expired')
  return { principal, account: accountOf(principal.sub), upload }
}

/** Binds a URL to the grant and the folder of its credential; others cannot unseal it. */
function sealPurpose(owner: SealOwner): string {
  return `tus upload of ${sealSubject(owner)}`
}
