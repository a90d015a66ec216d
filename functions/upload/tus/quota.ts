/** Charges tus uploads to the quotas of their credential and account. */
import type { DriveAccount } from '../../drive/client/account.ts'
import type { UploadOffset } from '../../drive/upload/upload-offset.ts'
import { GatewayError } from '../../errors.ts'
import type { Principal } from '../../identity/principal.ts'
import { runAndSettle } from '../../identity/quota.ts'
import type { UploadDeps } from '../deps.ts'
import { uploadTtlMs } from '../upload-ttl.ts'
import type { TusUpload } from './upload-url.ts'

type OffsetQueryDeps = Pick<UploadDeps, 'uploadSessions' | 'offsetQueryTimeoutMs'>

/** The upload that a PATCH appends to. */
interface AppendTarget {
  principal: Principal
  account: DriveAccount
  upload: TusUpload
  offset: number
  /** Bytes of the body, when declared. */
  declared: number | undefined
}

/**
 * Charges the bytes of a PATCH. An upload of known length is charged at its creation, one of deferred
 * length as its bytes arrive. A failed PATCH is charged for the bytes that Drive has stored.
 *
 * @param send sends the body, with `meter` applied to it
 */
export async function withQuota(
  deps: Pick<UploadDeps, 'quotas'> & OffsetQueryDeps,
  { principal, account, upload, offset, declared }: AppendTarget,
  send: (meter: (body: AsyncIterable<Buffer>) => AsyncIterable<Buffer>) => Promise<UploadOffset>,
): Promise<UploadOffset> {
  if (upload.length !== undefined) return send((body) => body)
  const quota = deps.quotas.open(principal, declared)
  let received = 0
  async function* meter(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
    for await (const chunk of quota.meter(body, ({ length }) => length)) {
      received += chunk.length
      yield chunk
    }
  }
  return runAndSettle(quota, async () => {
    try {
      const position = await send(meter)
      quota.commit(position.offset - offset, 0)
      return position
    } catch (error) {
      const storedOffset = received === 0 ? offset : await queryStoredOffset(deps, account, upload)
      quota.commit(Math.max(0, Math.min(received, storedOffset - offset)), 0)
      throw error
    }
  })
}

/** @returns `Infinity` when the offset is unknown: bytes that may be stored are charged */
async function queryStoredOffset(
  { uploadSessions, offsetQueryTimeoutMs = 5_000 }: OffsetQueryDeps,
  account: DriveAccount,
  upload: TusUpload,
): Promise<number> {
  try {
    const signal = AbortSignal.timeout(offsetQueryTimeoutMs)
    return (await uploadSessions.offset(account, upload, signal)).offset
  } catch (error) {
    return isGone(error) ? 0 : Infinity
  }
}

/** Refunds an upload when `work` fails because Drive has neither its session nor its file. */
export async function refundIfGone<T>(
  deps: Pick<UploadDeps, 'quotas' | 'singleUse' | 'now'>,
  upload: TusUpload,
  work: Promise<T>,
): Promise<T> {
  return work.catch(async (error: unknown) => {
    if (isGone(error)) await refund(deps, upload, 0)
    throw error
  })
}

/**
 * Refunds an upload once, even when several requests terminate it at the same time.
 *
 * @param offset bytes to refund for an upload of deferred length
 */
export async function refund(
  { quotas, singleUse, now }: Pick<UploadDeps, 'quotas' | 'singleUse' | 'now'>,
  { id, length, charges = [] }: TusUpload,
  offset: number,
): Promise<void> {
  if (charges.length === 0 || !(await singleUse.consume(`tus-${id}`, now() + uploadTtlMs))) return
  for (const charge of charges) {
    const { files, bytes } = charge
    await quotas.refund(charge, { files, bytes: length === undefined ? offset : bytes })
  }
}

function isGone(error: unknown): boolean {
  return error instanceof GatewayError && error.code === 'upload_gone'
}
