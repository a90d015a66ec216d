/** `POST /upload`: stores every file of a multipart form, or none. */
import type { IncomingMessage } from 'node:http'
import { withResourceKeys } from '../drive/client/account.ts'
import type { DriveAccount, FileReference } from '../drive/client/account.ts'
import { normalName } from '../drive/files/names.ts'
import { admitOnFirstBytes } from '../drive/upload/admit-source.ts'
import type { ConflictMode } from '../drive/upload/conflict-policy.ts'
import type { Uploads } from '../drive/upload/upload.ts'
import { GatewayError } from '../errors.ts'
import { auditUploads } from '../http/audit.ts'
import { badRequest } from '../http/bad-request.ts'
import { awaitsContinue, declaredLength, readBodyBatches } from '../http/body-stream.ts'
import { readFileReference } from '../http/file-id.ts'
import { driveName, readPath, withoutDirectory } from '../http/file-name.ts'
import type { RequestContext } from '../http/router.ts'
import { mediaTypeOf } from '../lib/media-type.ts'
import type { UploadDeps } from './deps.ts'
import { readBoundary, readForm } from './multipart/reader.ts'
import type { FormEntry } from './multipart/reader.ts'
import { isCreated, sendUploadResults } from './response.ts'
import type { UploadResult } from './response.ts'
import { byteLength, checkRequestSize, fileTooLarge } from './size-limits.ts'
import { uploadFile } from './store-file.ts'
import type { UploadRequest } from './store-file.ts'
import { readConflictMode, readIdempotencyKey } from './upload-headers.ts'

/** Limits of one form. */
export const formLimits = { maxParts: 1_000, maxFieldBytes: 64 * 1024 }

/**
 * Streams the files of a form to Drive one after another, and removes them again when the form fails.
 *
 * @see RFC 7578
 */
export async function uploadForm(deps: UploadDeps, context: RequestContext): Promise<void> {
  const { req, res, signal, log } = context
  const principal = await deps.authenticate(req, 'upload')
  const account = withResourceKeys(deps.accountOf(principal.sub), principal.folder)
  const boundary = readBoundary(req.headers['content-type'])
  const key = readIdempotencyKey(req)
  checkRequestSize(req, deps)
  // maxFileBytes holds per file, so a form may be longer.
  const length = declaredLength(req)
  if ((length ?? 0) > deps.maxFileBytes * formLimits.maxParts) throw fileTooLarge(deps.maxFileBytes)

  const reservation = deps.uploads.reserve(length)
  if (awaitsContinue(req)) await reservation.waitForCapacity(signal)
  const quota = deps.quotas.open(principal, length)
  const batches = readBodyBatches(req, res, deps.idleTimeoutMs)
  const body = admitOnFirstBytes(batches, reservation, signal)
  const form = readForm(body, boundary, formLimits)
  const stored: UploadResult[] = []
  try {
    const within = principal.folder?.id
    const fields: Fields = new Map()
    let destination: Destination | undefined
    /** Normal forms of the names under which this form has stored files. */
    const names = new Set<string>()
    for await (const entry of form) {
      if (entry.kind === 'field') readField(entry, fields, stored.length > 0)
      else if (entry.filename === '') await assertEmpty(entry.content)
      else {
        const target = (destination ??= await readDestination(fields, (folder) =>
          deps.folderScope.resolveWriteFolder(principal, folder, signal),
        ))
        const { parent, path } = target
        const keyed = withResourceKeys(account, target.requested)
        const name = driveName(withoutDirectory(entry.filename, isBrowser(req)))
        const mode = names.has(normalName(name)) ? modeOfDuplicate(target.mode) : target.mode
        const request: UploadRequest = {
          reservation,
          name,
          mimeType: mediaTypeOf(name, entry.mimeType),
          mode,
          folder: () =>
            (target.folder ??= deps.folders.ensurePath(keyed, parent, path, signal, within)),
          content: validateTail(entry, key !== undefined, deps.maxFileBytes),
          quota,
          awaitsContinue: () => false,
          key,
          fingerprint: ['POST', parent ?? 'root', path, name, mode],
        }
        const file = await uploadFile(deps, keyed, request, context)
        stored.push(file)
        if (!file.skipped) names.add(normalName(name))
      }
    }
    if (stored.length === 0) throw new GatewayError('no_file', 'The form contains no file')
  } catch (error) {
    for (const { size } of await rollBack(deps.uploads, account, stored, log)) quota.revert(size)
    throw error
  } finally {
    reservation.close()
    await quota.settle()
  }
  sendUploadResults(context, principal, stored)
  auditUploads(log, principal, 'form', stored)
}

/**
 * Returns the mode for another file of a name that the form has stored already: phones give each photo
 * the same name. The form's own file is neither replaced nor a reason to skip the other one.
 *
 * @throws {GatewayError} `file_exists` with mode `error`
 */
function modeOfDuplicate(mode: ConflictMode): ConflictMode {
  if (mode !== 'error') return 'new'
  throw new GatewayError('file_exists', 'Two files of the form have the same name', {
    detail: 'Two files of the form have the same name. Rename one, or use another mode.',
  })
}

function isBrowser({ headers }: IncomingMessage): boolean {
  return (
    headers['sec-fetch-mode'] !== undefined ||
    headers['user-agent']?.startsWith('Mozilla/') === true
  )
}

/** The fields that name the destination of a form's files; others are ignored. */
const fieldNames = ['folder', 'path', 'mode'] as const
type FieldName = (typeof fieldNames)[number]
type Fields = Map<FieldName, string>

function fieldName(entry: FormEntry): FieldName | undefined {
  return entry.kind === 'field' ? fieldNames.find((name) => name === entry.name) : undefined
}

/** @throws {GatewayError} `field_after_file`, or `bad_request` for a duplicate field */
function readField(entry: FormEntry & { kind: 'field' }, fields: Fields, afterFile: boolean): void {
  const name = fieldName(entry)
  if (name === undefined) return
  if (afterFile) throw fieldAfterFile(name)
  if (fields.has(name)) throw badRequest(`The field ${name} occurs twice`)
  if (entry.value === undefined) throw badRequest(`The field ${name} is not text in its charset`)
  fields.set(name, entry.value)
}

function fieldAfterFile(name: string): GatewayError {
  return new GatewayError('field_after_file', `The field ${name} follows a file`)
}

/** The folder that a form's files are stored in. */
interface Destination {
  /** As the form names it. */
  requested: FileReference | undefined
  parent: string | undefined
  /** Folders below `parent`. */
  path: string[]
  mode: UploadRequest['mode']
  /** Created with the first file that needs it. */
  folder?: Promise<string | undefined>
}

async function readDestination(
  fields: Fields,
  resolveFolder: (folder: FileReference | undefined) => Promise<string | undefined>,
): Promise<Destination> {
  const folder = fields.get('folder')
  const path = fields.get('path')
  const requested = folder === undefined ? undefined : readFileReference(folder)
  return {
    requested,
    parent: await resolveFolder(requested),
    path: path === undefined ? [] : readPath(path.split('/')),
    mode: readConflictMode(fields.get('mode')),
  }
}

/**
 * Passes a file's bytes through, and fails at their end when the next part makes the form invalid:
 * then Drive completes no upload and replaces no file.
 *
 * @throws {GatewayError} `too_large`, `field_after_file`, `bad_request`
 */
async function* validateTail(
  entry: FormEntry & { kind: 'file' },
  mustBeLast: boolean,
  maxBytes: number,
): AsyncGenerator<Buffer[], void, undefined> {
  let size = 0
  for await (const batch of entry.content) {
    size += byteLength(batch)
    if (size > maxBytes) throw fileTooLarge(maxBytes)
    yield batch
  }
  const next = entry.nextEntry()
  const lateName = next && fieldName(next)
  if (lateName) throw fieldAfterFile(lateName)
  if (next && mustBeLast) {
    throw badRequest('With an Idempotency-Key, send one file, as the last part of the form')
  }
}

/** Browsers send an empty part without a file name for an input with no file. */
async function assertEmpty(content: AsyncIterable<Buffer[]>): Promise<void> {
  for await (const batch of content) {
    if (batch.every(({ length }) => length === 0)) continue
    throw new GatewayError('invalid_filename', 'A file has no name', {
      detail: 'Every file needs a file name.',
    })
  }
}

/**
 * Removes the files that a failed form created, unless another upload has replaced their content. A
 * replaced file stays replaced; Drive keeps its previous version.
 *
 * @returns the removed files
 */
async function rollBack(
  uploads: Uploads,
  account: DriveAccount,
  stored: readonly UploadResult[],
  log: RequestContext['log'],
): Promise<UploadResult[]> {
  const removed: UploadResult[] = []
  for (const file of stored.filter(isCreated)) {
    try {
      await uploads.remove(account, file.id, file.sha256)
      removed.push(file)
    } catch (error) {
      log.failure('file_cleanup_failed', error, { fileId: file.id })
    }
  }
  return removed
}
