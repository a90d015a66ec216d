/** One file into its place: as its mode says, and once for each `Idempotency-Key`. */
import { createHash } from 'node:crypto'
import type { DriveAccount } from '../drive/client/account.ts'
import type { Attempt, Attempts } from '../drive/upload/idempotency.ts'
import type { Room } from '../drive/upload/buffer-pool.ts'
import type { Decision, Mode, Places } from '../drive/upload/conflict-policy.ts'
import type { Terms, UploadedFile, Uploads } from '../drive/upload/upload.ts'
import { GatewayError } from '../errors.ts'
import type { Allowance } from '../identity/quota.ts'
import type { Call } from '../http/router.ts'
import { sizeOf } from './response.ts'
import type { Outcome, Piece } from './response.ts'

/** A file as its sender wants it. */
export interface Wanted {
  /** What the request was given when it was let in. */
  room?: Room | undefined
  name: string
  mimeType: string
  mode: Mode
  /** Finds or makes the folder; asked only when the file is needed there. */
  folder(): Promise<string | undefined>
  content: AsyncIterable<Piece>
  /** Its bytes, where that was said. */
  length?: number | undefined
  /** What its sender may still store. */
  allowance: Allowance
  /** Whether nothing of the content is on its way: where it is not needed it is not asked for. */
  isHeldBack(): boolean
  /** In hex; what comes must have it. */
  sha256?: string | undefined
  /** Names the upload, so that trying it again makes no second file. */
  key?: string | undefined
  /** All that makes one upload different from another. */
  fingerprint: readonly unknown[]
}

export interface UploadFileParts {
  uploads: Uploads
  places: Places
  attempts: Attempts
}

export async function uploadFile(
  parts: UploadFileParts,
  account: DriveAccount,
  wanted: Wanted,
  { signal, log }: Pick<Call, 'signal' | 'log'>,
): Promise<Outcome> {
  if (wanted.key === undefined) return place(parts, account, wanted, { signal, log })
  const attempt = await parts.attempts.begin(account, wanted.key, wanted.fingerprint)
  if ('outcome' in attempt) return repeat(attempt.outcome as Outcome, wanted)
  let isCleared = true
  const terms: Terms = {
    isOurs: () => attempt.isHeld(),
    onLeftBehind: () => {
      isCleared = false
    },
  }
  const held = AbortSignal.any([signal, attempt.lost])
  let earlier: UploadedFile | undefined
  let outcome: Outcome
  try {
    earlier = await findEarlier(parts.uploads, account, attempt, held)
    const call = { signal: held, log }
    outcome = earlier ?? (await place(parts, account, wanted, call, { id: attempt.fileId, terms }))
  } catch (error) {
    await attempt.giveUp(isCleared).catch((why: unknown) => log.failure('hold not ended', why))
    throw error
  }
  // The file is there, whatever becomes of the record: the next try finds it by its id.
  await attempt.finish(outcome).catch((why: unknown) => log.failure('not recorded', why))
  return earlier ? repeat(outcome, wanted) : outcome
}

/** Under which id, and on what terms, where an `Idempotency-Key` says so. */
interface Reserved {
  id?: string
  terms?: Terms
}

/**
 * Puts a file where nobody else is putting one of the same name: but for the mode `new`, whoever
 * looks whether the name is taken holds it from then on until the file is there. A file that is there
 * already is replaced without.
 *
 * @throws {GatewayError} `name_locked` while somebody else does
 */
async function place(
  parts: UploadFileParts,
  account: DriveAccount,
  wanted: Wanted,
  { signal, log }: Pick<Call, 'signal' | 'log'>,
  reserved: Reserved = {},
): Promise<Outcome> {
  const { name, mimeType, mode } = wanted
  const folder = await wanted.folder()
  await wanted.allowance.file(wanted.length)
  const plain = { name, mimeType, ...(folder === undefined ? {} : { folder }) }
  if (mode === 'new' || mode === 'replace') {
    const decision = await parts.places.decide(account, plain, mode, signal)
    if (mode === 'new' || replaces(decision)) {
      return put(parts, account, wanted, decision, signal, reserved)
    }
  }
  const claim = await claimName(parts.attempts, account, folder, name)
  const held = AbortSignal.any([signal, claim.lost])
  let outcome: Outcome
  try {
    const decision = await parts.places.decide(account, plain, mode, held, claim.note)
    outcome = await put(parts, account, wanted, decision, held, reserved)
  } catch (error) {
    const isNews = claim.note === undefined
    await claim.giveUp(isNews).catch((why: unknown) => log.failure('hold not ended', why))
    throw error
  }
  // Kept for whoever looks next: Drive may take a moment to list what it has.
  await claim.rest(outcome.id).catch((why: unknown) => log.failure('hold not ended', why))
  return outcome
}

async function claimName(
  attempts: Attempts,
  account: DriveAccount,
  folder = 'root',
  name: string,
): Promise<Attempt> {
  try {
    // No caller's own key has such characters.
    const claim = await attempts.begin(account, `\0${folder}\0${name}`, ['name'])
    if (!('outcome' in claim)) return claim
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'idempotency_key_in_use') throw error
  }
  throw new GatewayError('name_locked', 'Another upload of this name is under way', {
    retryAfterSeconds: 5,
  })
}

const replaces = (decision: Decision): boolean =>
  decision.state === 'store' && decision.file.replaces === true

async function put(
  { uploads }: UploadFileParts,
  account: DriveAccount,
  wanted: Wanted,
  decision: Decision,
  signal: AbortSignal,
  { id, terms = {} }: Reserved,
): Promise<Outcome> {
  const { content, sha256, room, allowance } = wanted
  if (decision.state === 'skip') {
    if (!wanted.isHeldBack()) await drain(content)
    return { ...decision.file, skipped: true }
  }
  const replaced = replaces(decision)
  const file = id === undefined || replaced ? decision.file : { ...decision.file, id }
  const metered = allowance.metered(content, sizeOf)
  const stored = await uploads.store(account, file, metered, signal, { ...terms, sha256, room })
  allowance.keep(stored.size)
  return replaced ? { ...stored, replaced } : stored
}

/** The file of a try that died before it could say so. */
async function findEarlier(
  uploads: Uploads,
  account: DriveAccount,
  { isRepeated, fileId }: Attempt,
  signal: AbortSignal,
): Promise<UploadedFile | undefined> {
  const file = isRepeated ? await uploads.find(account, fileId, signal) : undefined
  if (file?.size === undefined || file.sha256 === undefined) return undefined
  return { ...file, size: file.size, sha256: file.sha256 }
}

/** The answer once more; what comes with the key this time has to be what came with it then. */
async function repeat(outcome: Outcome, { content, isHeldBack }: Wanted): Promise<Outcome> {
  if (isHeldBack()) return outcome
  const sha256 = await drain(content)
  if (outcome.skipped || sha256 === outcome.sha256) return outcome
  throw new GatewayError('idempotency_key_reused', 'The key was used for other content')
}

/** Reads to the end what nobody needs. @returns its SHA-256, in hex */
async function drain(content: AsyncIterable<Piece>): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of content) {
    for (const bytes of Buffer.isBuffer(piece) ? [piece] : piece) hash.update(bytes)
  }
  return hash.digest('hex')
}
