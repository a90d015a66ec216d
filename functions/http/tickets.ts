/**
 * `/upload/tickets`: uploads whose bytes go from the caller straight to Drive, past this gateway and
 * past the ceiling of its front end.
 *
 * A ticket comes with Drive's own session URI, which is a secret: whoever has it can send the bytes
 * of this one file, of this size and type, until the file is there or the session has expired; it
 * opens nothing else, and it is never logged. The ticket itself is sealed for the account, so that
 * any instance can complete it and nothing is stored meanwhile. Drive enforces the size; it knows
 * nothing of the bytes that were meant, so only a caller that gives a sha256 has them proven.
 */
import type { DriveAccount } from '../drive/account.ts'
import type { DirectUploads, Expected } from '../drive/direct.ts'
import type { NewFile } from '../drive/upload.ts'
import { GatewayError } from '../errors.ts'
import type { Seal } from '../token/seal.ts'
import { driveName } from './file-name.ts'
import { readFileId } from './files-query.ts'
import type { Call, Route } from './handler.ts'
import type { Identify } from './identify.ts'
import { readJson } from './json.ts'
import type { Origins } from './origins.ts'
import { sendJson } from './problem.ts'
import { sendFile, tooLarge } from './upload-answer.ts'

export interface TicketParts {
  identify: Identify
  accountOf(sub: string): DriveAccount
  direct: DirectUploads
  seal: Pick<Seal, 'seal' | 'open'>
  origins: Pick<Origins, 'knows'>
  publicUrl: string
  /** Bytes that one file may have. */
  maxFileBytes: number
  now(): number
}

/** Drive keeps a session for a week; a day less is safe to promise. */
const lifetimeMs = 6 * 24 * 60 * 60 * 1000

const notice =
  'PUT the bytes to uploadUrl, then POST to completeUrl. Keep uploadUrl to yourself: until the file is there or it expires, whoever has it can send this one file, and nothing else.'

export function ticketRoutes(parts: TicketParts): Route[] {
  return [
    { method: 'POST', path: /^tickets$/, run: (call) => openTicket(parts, call) },
    { method: 'POST', path: /^tickets\/([^/]+)\/complete$/, run: (call) => complete(parts, call) },
  ]
}

async function openTicket(parts: TicketParts, call: Call): Promise<void> {
  const { req, res, signal, log } = call
  const { sub } = await parts.identify(req, 'upload')
  const origin = readOrigin(parts.origins, req.headers.origin)
  const { sha256, ...wanted } = readWanted(await readJson(req, res), parts.maxFileBytes)
  const account = parts.accountOf(sub)

  const file = await parts.direct.prepare(account, wanted, signal)
  const expiresAt = parts.now() + lifetimeMs
  const { id, size, modifiedTime } = file
  const sealed = { id, size, modifiedTime, expiresAt, ...(sha256 ? { sha256 } : {}) }
  // Sealed before there is a session: a keyring that does not answer then leaves none behind.
  const ticket = await parts.seal.seal(purpose(sub), sealed)
  const uploadUrl = await parts.direct.open(account, file, origin, signal)

  const completeUrl = `${parts.publicUrl}/upload/tickets/${ticket}/complete`
  if (/^text\/plain\b/.test(req.headers.accept ?? '')) {
    res.writeHead(201, { 'content-type': 'text/plain; charset=utf-8' })
    res.end(`${uploadUrl}\n${completeUrl}\n`)
  } else {
    const expires = new Date(expiresAt).toISOString()
    const { name, mimeType } = file
    const described = { id, name, mimeType, size }
    sendJson(res, 201, { ticket, uploadUrl, completeUrl, expires, file: described, notice })
  }
  log('INFO', 'ticket opened', { bytes: size, forPage: origin !== undefined })
}

async function complete(parts: TicketParts, call: Call): Promise<void> {
  const { req, signal, log, params } = call
  const { sub } = await parts.identify(req, 'upload')
  const ticket = await parts.seal.open(purpose(sub), params[0] ?? '')
  if (!ticket) throw new GatewayError('not_found', 'No ticket of this account')
  const { expiresAt, ...expected } = ticket as unknown as Expected & { expiresAt: number }
  const check = parts.direct.check(parts.accountOf(sub), expected, signal)
  const stored = await check.catch((error: unknown) => {
    const isLate = error instanceof GatewayError && error.code === 'upload_incomplete'
    if (!isLate || parts.now() < expiresAt) throw error
    throw new GatewayError('upload_gone', 'The ticket has expired, and Drive has no file')
  })
  sendFile(call, stored)
  log('INFO', 'uploaded', { files: 1, bytes: stored.size, direct: true })
}

/** Bound to the account: another one's ticket is noise. */
function purpose(sub: string): string {
  return `upload ticket of ${sub}`
}

/**
 * The origin whose pages Drive is to let in.
 *
 * @throws {GatewayError} `origin_not_allowed` for a page that could not read our answer anyway
 */
export function readOrigin(origins: TicketParts['origins'], origin?: string): string | undefined {
  if (origin === undefined || origins.knows(origin)) return origin
  throw new GatewayError('origin_not_allowed', 'A ticket for an origin that is not listed')
}

type Wanted = NewFile & { size: number; sha256?: string }

/** @throws {GatewayError} `bad_request`, `bad_filename`, `too_large`, `drive_not_found` */
function readWanted(body: Record<string, unknown>, maxFileBytes: number): Wanted {
  const { name, type = 'application/octet-stream', size, folder, sha256 } = body
  if (typeof name !== 'string' || name === '') throw bad('name must be the file’s name')
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw bad('size must be the file’s length in bytes')
  }
  if (typeof type !== 'string' || !/^[\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127}$/.test(type)) {
    throw bad('type must be a media type such as image/jpeg')
  }
  if (sha256 !== undefined && (typeof sha256 !== 'string' || !/^[\da-f]{64}$/i.test(sha256))) {
    throw bad('sha256 must be 64 hexadecimal digits')
  }
  if (folder !== undefined && typeof folder !== 'string') throw bad('folder must be a folder’s id')
  if (size > maxFileBytes) throw tooLarge(maxFileBytes)
  return {
    name: driveName(name),
    mimeType: type.toLowerCase(),
    size,
    ...(folder === undefined ? {} : { folder: readFileId(folder) }),
    ...(sha256 === undefined ? {} : { sha256: sha256.toLowerCase() }),
  }
}

function bad(detail: string): GatewayError {
  return new GatewayError('bad_request', detail, { detail })
}
