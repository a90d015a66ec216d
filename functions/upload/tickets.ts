/**
 * `/upload/tickets`: direct uploads, whose bytes the client sends to Drive without this gateway and
 * the request size limit of its front end.
 *
 * A ticket comes with Drive's session URI. This is a secret and never logged: its holder can send the
 * bytes of this one file, of this size and type, until the file is stored or the session expires, and
 * nothing else. The ticket is sealed for the account, so every instance can complete it without stored
 * state. Drive enforces the size. It does not know the expected content, so the content is verified
 * only when the client gave a sha256.
 */
import { withResourceKeys } from '../drive/client/account.ts'
import type { FileReference } from '../drive/client/account.ts'
import type { ExpectedFile } from '../drive/upload/direct-upload.ts'
import { GatewayError } from '../errors.ts'
import { auditUploads } from '../http/audit.ts'
import { badRequest } from '../http/bad-request.ts'
import { readFileReference } from '../http/file-id.ts'
import { driveName } from '../http/file-name.ts'
import { sealSubject } from '../http/folder-scope.ts'
import { readJsonBody } from '../http/json-body.ts'
import { sendJson } from '../http/problem.ts'
import type { RequestContext, Route } from '../http/router.ts'
import { runAndSettle } from '../identity/quota.ts'
import { isMediaType, mediaTypeOf } from '../lib/media-type.ts'
import type { UploadDeps } from './deps.ts'
import { issueTicket, issueTicketOnce, ticketPurpose } from './issue-ticket.ts'
import type { TicketRequest } from './issue-ticket.ts'
import { sendUploadResult } from './response.ts'
import { fileTooLarge } from './size-limits.ts'
import { readAllowedOrigin, readIdempotencyKey } from './upload-headers.ts'

const pendingNotice =
  'PUT the bytes to uploadUrl, then POST to completeUrl. Keep uploadUrl secret: its holder can send this one file, and nothing else, until the file is stored or the ticket expires.'
const storedNotice = 'The file is already stored. POST to completeUrl.'

export function ticketRoutes(deps: UploadDeps): Route[] {
  return [
    {
      method: 'POST',
      path: /^tickets$/,
      headers: ['Idempotency-Key'],
      run: (context) => createTicket(deps, context),
    },
    {
      method: 'POST',
      path: /^tickets\/([^/]+)\/complete$/,
      run: (context) => completeTicket(deps, context),
    },
  ]
}

async function createTicket(deps: UploadDeps, context: RequestContext): Promise<void> {
  const { req, res, signal, log } = context
  const principal = await deps.authenticate(req, 'upload')
  const origin = readAllowedOrigin(req, deps.origins)
  const key = readIdempotencyKey(req)
  const requested = readTicketRequest(await readJsonBody(req, res), deps.maxFileBytes)
  await deps.confirm(req) // the session URI works without a credential
  const folder = await deps.folderScope.resolveWriteFolder(principal, requested.folder, signal)
  const quota = deps.quotas.open(principal, requested.file.size)
  const request: TicketRequest = {
    file: { ...requested.file, ...(folder === undefined ? {} : { folder }) },
    sha256: requested.sha256,
    origin,
    owner: sealSubject(principal),
    quota,
  }
  const account = withResourceKeys(
    deps.accountOf(principal.sub),
    principal.folder,
    requested.folder,
  )
  const { ticket, uploadUrl, expiresAt, id, name, mimeType, size } = await runAndSettle(quota, () =>
    key === undefined
      ? issueTicket(deps, account, request, signal)
      : issueTicketOnce(deps, account, key, request, context),
  )

  const completeUrl = `${deps.publicUrl}/upload/tickets/${ticket}/complete`
  const status = uploadUrl === null ? 200 : 201
  if (/^text\/plain\b/.test(req.headers.accept ?? '')) {
    res.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' })
    res.end(`${uploadUrl ?? ''}\n${completeUrl}\n`)
  } else {
    const expires = new Date(expiresAt).toISOString()
    const file = { id, name, mimeType, size }
    const notice = uploadUrl === null ? storedNotice : pendingNotice
    sendJson(res, status, { ticket, uploadUrl, completeUrl, expires, file, notice })
  }
  log('INFO', 'ticket_issued', { bytes: size, hasOrigin: origin !== undefined })
}

async function completeTicket(deps: UploadDeps, context: RequestContext): Promise<void> {
  const { req, signal, log, params } = context
  const principal = await deps.authenticate(req, 'upload')
  const ticket = await deps.seal.open(ticketPurpose(sealSubject(principal)), params[0] ?? '')
  if (!ticket) throw new GatewayError('not_found', 'The account has no such ticket')
  const { expiresAt, ...expected } = ticket as unknown as ExpectedFile & { expiresAt: number }
  const verified = deps.directUploads.verify(deps.accountOf(principal.sub), expected, signal)
  const stored = await verified.catch((error: unknown) => {
    const isIncomplete = error instanceof GatewayError && error.code === 'upload_incomplete'
    if (!isIncomplete || deps.now() < expiresAt) throw error
    throw new GatewayError('upload_gone', 'The ticket has expired before the file was stored')
  })
  sendUploadResult(context, principal, stored)
  auditUploads(log, principal, 'ticket', [stored])
}

/** @throws {GatewayError} `bad_request`, `invalid_filename`, `too_large` */
function readTicketRequest(
  body: Record<string, unknown>,
  maxFileBytes: number,
): Pick<TicketRequest, 'file' | 'sha256'> & { folder: FileReference | undefined } {
  const { name, type, size, folder, sha256 } = body
  if (typeof name !== 'string' || name === '') throw badRequest('name must be the file name')
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw badRequest('size must be the file size in bytes')
  }
  if (type !== undefined && (typeof type !== 'string' || !isMediaType(type))) {
    throw badRequest('type must be a media type such as image/jpeg')
  }
  if (sha256 !== undefined && (typeof sha256 !== 'string' || !/^[\da-f]{64}$/i.test(sha256))) {
    throw badRequest('sha256 must be 64 hexadecimal digits')
  }
  if (folder !== undefined && typeof folder !== 'string') {
    throw badRequest('folder must be a folder id')
  }
  if (size > maxFileBytes) throw fileTooLarge(maxFileBytes)
  const fileName = driveName(name)
  return {
    file: {
      name: fileName,
      mimeType: mediaTypeOf(fileName, type?.toLowerCase()),
      size,
    },
    folder: folder === undefined ? undefined : readFileReference(folder),
    sha256: sha256?.toLowerCase(),
  }
}
