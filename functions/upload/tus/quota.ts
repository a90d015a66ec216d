/** What an upload counts for, of the limits of its credential and of its account's day. */
import type { DriveAccount } from '../../drive/client/account.ts'
import type { Position } from '../../drive/upload/upload-offset.ts'
import { GatewayError } from '../../errors.ts'
import { closing } from '../../identity/quota.ts'
import type { Principal } from '../../identity/principal.ts'
import type { TusParts } from './routes.ts'
import { lifetimeMs } from './upload-url.ts'
import type { TusUpload } from './upload-url.ts'

/** Milliseconds to ask Drive what is left of a request that has failed. */
const lastLookMs = 5_000

interface Addition {
  principal: Principal
  account: DriveAccount
  upload: TusUpload
  offset: number
  /** Bytes that are announced. */
  declared: number | undefined
}

/**
 * Bytes of an upload count when it is made; where nobody knew then how many they are, as they come.
 * Of a request that fails those count that Drive has kept.
 *
 * @param send given what has to be between the body and Drive
 */
export async function counting(
  parts: Pick<TusParts, 'allowances' | 'resumes'>,
  { principal, account, upload, offset, declared }: Addition,
  send: (meter: (body: AsyncIterable<Buffer>) => AsyncIterable<Buffer>) => Promise<Position>,
): Promise<Position> {
  if (upload.length !== undefined) return send((body) => body)
  const allowance = parts.allowances.open(principal, declared)
  let came = 0
  async function* meter(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
    for await (const piece of allowance.metered(body, ({ length }) => length)) {
      came += piece.length
      yield piece
    }
  }
  return closing(allowance, async () => {
    try {
      const now = await send(meter)
      allowance.keep(now.offset - offset, 0)
      return now
    } catch (error) {
      const left = came === 0 ? offset : await offsetLeft(parts, account, upload)
      allowance.keep(Math.max(0, Math.min(came, left - offset)), 0)
      throw error
    }
  })
}

/** Endless where it cannot be told: what may be there counts. */
async function offsetLeft(
  { resumes }: Pick<TusParts, 'resumes'>,
  account: DriveAccount,
  upload: TusUpload,
): Promise<number> {
  try {
    return (await resumes.position(account, upload, AbortSignal.timeout(lastLookMs))).offset
  } catch (error) {
    return isGone(error) ? 0 : Infinity
  }
}

/** An upload of which Drive knows nothing any more counts for nothing. */
export async function forgivingGone<T>(
  parts: Pick<TusParts, 'allowances' | 'claims' | 'now'>,
  upload: TusUpload,
  work: Promise<T>,
): Promise<T> {
  return work.catch(async (error: unknown) => {
    if (isGone(error)) await giveBack(parts, upload, 0)
    throw error
  })
}

/**
 * What it counted for may be used again, once: of those who end it at the same time, one gets it.
 *
 * @param offset bytes that came of it
 */
export async function giveBack(
  { allowances, claims, now }: Pick<TusParts, 'allowances' | 'claims' | 'now'>,
  { id, length, counted }: TusUpload,
  offset: number,
): Promise<void> {
  // URLs that were given out by earlier versions have one record and no list.
  const records = [counted ?? []].flat()
  if (records.length === 0 || !(await claims.claim(`tus-${id}`, now() + lifetimeMs))) return
  for (const record of records) {
    const { files, bytes } = record
    await allowances.giveBack(record, { files, bytes: length === undefined ? offset : bytes })
  }
}

function isGone(error: unknown): boolean {
  return error instanceof GatewayError && error.code === 'upload_gone'
}
