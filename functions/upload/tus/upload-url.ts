/**
 * The address of an upload is the upload: everything that is known of it, sealed for its owner, so
 * that any instance can go on with it and nothing is stored meanwhile.
 */
import type { DriveAccount } from '../../drive/client/account.ts'
import type { OpenUpload } from '../../drive/upload/upload-offset.ts'
import { GatewayError } from '../../errors.ts'
import type { Principal } from '../../identity/principal.ts'
import type { Amount, Counted } from '../../identity/usage-counter.ts'
import type { Call } from '../../http/router.ts'
import { ownerOf } from '../../http/folder-scope.ts'
import type { TusParts } from './routes.ts'

export interface TusUpload extends OpenUpload {
  /** `Upload-Metadata` as it was sent; empty for none. */
  metadata: string
  /** The origin whose pages Drive lets send bytes of it; none unless that was asked for. */
  origin?: string
  /** Milliseconds since 1970. */
  expiresAt: number
  /** What it counts for, and in which records; given back where it is given up. */
  counted?: (Counted & Amount)[]
}

/** Drive keeps a session for a week; a day less is safe to promise. */
export const lifetimeMs = 6 * 24 * 60 * 60 * 1000

/** @returns an absolute URL */
export async function uploadUrl(
  { seal, publicUrl }: Pick<TusParts, 'seal' | 'publicUrl'>,
  owner: Pick<Principal, 'sub' | 'folder'>,
  upload: TusUpload,
): Promise<string> {
  return `${publicUrl}/upload/tus/${await seal.seal(purpose(owner), upload)}`
}

/**
 * The caller's own upload that the path names.
 *
 * @throws {GatewayError} `not_found` also for somebody else's, `upload_gone` after its time
 */
export async function openUpload(
  { identify, accountOf, seal, now }: TusParts,
  { req, params }: Call,
): Promise<{ principal: Principal; account: DriveAccount; upload: TusUpload }> {
  const principal = await identify(req, 'upload')
  const opened = await seal.open(purpose(principal), params[0] ?? '')
  if (!opened) throw new GatewayError('not_found', 'No upload of this account has this address')
  const upload = opened as unknown as TusUpload
  if (upload.expiresAt <= now())
    throw new GatewayError('upload_gone', 'The upload is past its time')
  return { principal, account: accountOf(principal.sub), upload }
}

/** Bound to the account, and to the folder that its credential is for: another one's is noise. */
function purpose(owner: Pick<Principal, 'sub' | 'folder'>): string {
  return `tus upload of ${ownerOf(owner)}`
}
