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
import type { DriveAccount } from '../drive/client/account.ts'
import type { Expected } from '../drive/upload/direct-upload.ts'
import { GatewayError } from '../errors.ts'
import { closing } from '../identity/quota.ts'
import type { Allowances } from '../identity/quota.ts'
import { auditUploads } from '../http/audit-uploads.ts'
import { driveName } from './file-name.ts'
import { readFileId } from '../files/list-query.ts'
import type { Call, Route } from '../http/router.ts'
import type { Identify } from '../http/authenticate.ts'
import { ownerOf } from '../http/folder-scope.ts'
import type { Inside } from '../http/folder-scope.ts'
import { readJson } from '../http/json-body.ts'
import { openTicket, openTicketOnce, ticketPurpose } from './issue-ticket.ts'
import type { OpenTicketParts, Wanted } from './issue-ticket.ts'
import type { Origins } from '../http/cors.ts'
import { sendJson } from '../http/problem.ts'
import { sendFile, tooLarge } from './response.ts'
import { readIdempotencyKey } from './upload-headers.ts'

export interface TicketParts extends OpenTicketParts {
  identify: Identify
  accountOf(sub: string): DriveAccount
  inside: Inside
  allowances: Pick<Allowances, 'open'>
  origins: Pick<Origins, 'knows'>
  publicUrl: string
  /** Bytes that one file may have. */
  maxFileBytes: number
}

const openNotice =
  'PUT the bytes to uploadUrl, then POST to completeUrl. Keep uploadUrl to yourself: until the file is there or it expires, whoever has it can send this one file, and nothing else.'
const storedNotice = 'The file is there already: POST to completeUrl.'

export function ticketRoutes(parts: TicketParts): Route[] {
  return [
    {
      method: 'POST',
      path: /^tickets$/,
      headers: ['Idempotency-Key'],
      run: (call) => giveTicket(parts, call),
    },
    { method: 'POST', path: /^tickets\/([^/]+)\/complete$/, run: (call) => complete(parts, call) },
  ]
}

async function giveTicket(parts: TicketParts, call: Call): Promise<void> {
  const { req, res, signal, log } = call
  const principal = await parts.identify(req, 'upload')
  const origin = readOrigin(parts.origins, req.headers.origin)
  const key = readIdempotencyKey(req)
  const { file: asked, sha256 } = readWanted(await readJson(req, res), parts.maxFileBytes)
  const folder = await parts.inside.writeFolder(principal, asked.folder, signal)
  const allowance = parts.allowances.open(principal, asked.size)
  const wanted: Wanted = {
    file: { ...asked, ...(folder === undefined ? {} : { folder }) },
    sha256,
    origin,
    owner: ownerOf(principal),
    allowance,
  }
  const account = parts.accountOf(principal.sub)
  const { ticket, uploadUrl, expiresAt, id, name, mimeType, size } = await closing(allowance, () =>
    key === undefined
      ? openTicket(parts, account, wanted, signal)
      : openTicketOnce(parts, account, key, wanted, call),
  )

  const completeUrl = `${parts.publicUrl}/upload/tickets/${ticket}/complete`
  const status = uploadUrl === null ? 200 : 201
  if (/^text\/plain\b/.test(req.headers.accept ?? '')) {
    res.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' })
    res.end(`${uploadUrl ?? ''}\n${completeUrl}\n`)
  } else {
    const expires = new Date(expiresAt).toISOString()
    const file = { id, name, mimeType, size }
    const notice = uploadUrl === null ? storedNotice : openNotice
    sendJson(res, status, { ticket, uploadUrl, completeUrl, expires, file, notice })
  }
  log('INFO', 'ticket opened', { bytes: size, forPage: origin !== undefined })
}

async function complete(parts: TicketParts, call: Call): Promise<void> {
  const { req, signal, log, params } = call
  const principal = await parts.identify(req, 'upload')
  const ticket = await parts.seal.open(ticketPurpose(ownerOf(principal)), params[0] ?? '')
  if (!ticket) throw new GatewayError('not_found', 'No ticket of this account')
  const { expiresAt, ...expected } = ticket as unknown as Expected & { expiresAt: number }
  const check = parts.direct.check(parts.accountOf(principal.sub), expected, signal)
  const stored = await check.catch((error: unknown) => {
    const isLate = error instanceof GatewayError && error.code === 'upload_incomplete'
    if (!isLate || parts.now() < expiresAt) throw error
    throw new GatewayError('upload_gone', 'The ticket has expired, and Drive has no file')
  })
  sendFile(call, stored)
  auditUploads(log, principal, 'ticket', [stored])
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

/** @throws {GatewayError} `bad_request`, `invalid_filename`, `too_large`, `drive_not_found` */
function readWanted(
  body: Record<string, unknown>,
  maxFileBytes: number,
): Pick<Wanted, 'file' | 'sha256'> {
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
    file: {
      name: driveName(name),
      mimeType: type.toLowerCase(),
      size,
      ...(folder === undefined ? {} : { folder: readFileId(folder) }),
    },
    sha256: sha256?.toLowerCase(),
  }
}

function bad(detail: string): GatewayError {
  return new GatewayError('bad_request', detail, { detail })
}
