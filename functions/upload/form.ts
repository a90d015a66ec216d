/** `POST /upload`: files from a form into the Drive, each streamed, all or none. */
import type { DriveAccount } from '../drive/client/account.ts'
import type { Uploads } from '../drive/upload/upload.ts'
import { GatewayError } from '../errors.ts'
import { auditUploads } from '../http/audit-uploads.ts'
import { declaredLength, readBatches } from '../http/framework-streaming.ts'
import { driveName, readPath } from './file-name.ts'
import { readFileId } from '../files/list-query.ts'
import type { Call } from '../http/router.ts'
import { readBoundary, readForm } from './multipart/reader.ts'
import type { FormEntry } from './multipart/reader.ts'
import { checkUnread, isNew, sendFiles, sizeOf, tooLarge } from './response.ts'
import type { Outcome } from './response.ts'
import { uploadFile } from './store-file.ts'
import type { Wanted } from './store-file.ts'
import { readIdempotencyKey, readMode } from './upload-headers.ts'
import type { UploadParts } from './routes.ts'

/** What one form may have. */
export const formLimits = { parts: 1_000, fieldBytes: 64 * 1024 }

export async function uploadForm(parts: UploadParts, call: Call): Promise<void> {
  const { req, res, signal, log } = call
  const principal = await parts.identify(req, 'upload')
  const account = parts.accountOf(principal.sub)
  const boundary = readBoundary(req.headers['content-type'])
  const key = readIdempotencyKey(req)
  checkUnread(req, parts)
  // A form is a little longer than its one file; several files may each be as long as allowed.
  const length = declaredLength(req)
  if ((length ?? 0) > parts.maxFileBytes * formLimits.parts) throw tooLarge(parts.maxFileBytes)

  const room = parts.uploads.enter(length)
  const allowance = parts.allowances.open(principal, length)
  const form = readForm(readBatches(req, res, parts.idleMs), boundary, formLimits)
  const stored: Outcome[] = []
  try {
    const fields: Fields = new Map()
    let place: Place | undefined
    for await (const entry of form) {
      if (entry.kind === 'field') readField(entry, fields, stored.length > 0)
      else if (entry.filename === '') await expectNothing(entry.content)
      else {
        const here = (place ??= await readPlace(fields, (named) =>
          parts.inside.writeFolder(principal, named, signal),
        ))
        const { from, path, mode } = here
        const name = driveName(entry.filename)
        const wanted: Wanted = {
          room,
          name,
          mimeType: entry.mimeType,
          mode,
          folder: () => (here.folder ??= parts.folders.reach(account, from, path, signal)),
          content: closed(entry, key !== undefined, parts.maxFileBytes),
          allowance,
          isHeldBack: () => false,
          key,
          fingerprint: ['POST', from ?? 'root', path, name, mode],
        }
        stored.push(await uploadFile(parts, account, wanted, call))
      }
    }
    if (stored.length === 0) throw new GatewayError('no_file', 'The form had no file')
  } catch (error) {
    for (const { size } of await takeBack(parts.uploads, account, stored, log)) allowance.drop(size)
    throw error
  } finally {
    room.leave()
    await allowance.close()
  }
  sendFiles(call, stored)
  auditUploads(log, principal, 'form', stored)
}

/** The fields that say where the files of a form go. */
const fieldNames = ['folder', 'path', 'mode'] as const
type FieldName = (typeof fieldNames)[number]
type Fields = Map<FieldName, string>

function fieldName(entry: FormEntry): FieldName | undefined {
  return entry.kind === 'field' ? fieldNames.find((name) => name === entry.name) : undefined
}

/** @throws {GatewayError} `field_after_file`, or `bad_request` for a field that is there twice */
function readField(entry: FormEntry & { kind: 'field' }, fields: Fields, late: boolean): void {
  const name = fieldName(entry)
  if (name === undefined) return // other fields are none of ours
  if (late) throw lateField(name)
  if (fields.has(name)) {
    const detail = `The field ${name} is there twice`
    throw new GatewayError('bad_request', detail, { detail })
  }
  fields.set(name, entry.value)
}

function lateField(name: string): GatewayError {
  return new GatewayError('field_after_file', `The field ${name} came after a file`)
}

/** Where the files of a form go. */
interface Place {
  from: string | undefined
  path: string[]
  mode: Wanted['mode']
  /** Found or made once, for the first file. */
  folder?: Promise<string | undefined>
}

async function readPlace(
  fields: Fields,
  folderFor: (named: string | undefined) => Promise<string | undefined>,
): Promise<Place> {
  const folder = fields.get('folder')
  const path = fields.get('path')
  return {
    from: await folderFor(folder === undefined ? undefined : readFileId(folder)),
    path: path === undefined ? [] : readPath(path.split('/')),
    mode: readMode(fields.get('mode')),
  }
}

/**
 * The bytes of a file, which is refused rather than cut where it is too long, and whose end is a
 * failure where what follows it makes the form a wrong one: so that nothing is finished, and no file
 * replaced, for a form that is then refused.
 */
async function* closed(
  entry: FormEntry & { kind: 'file' },
  mustBeLast: boolean,
  most: number,
): AsyncGenerator<Buffer[], void, undefined> {
  let size = 0
  for await (const batch of entry.content) {
    size += sizeOf(batch)
    if (size > most) throw tooLarge(most)
    yield batch
  }
  const next = entry.following()
  const late = next && fieldName(next)
  if (late) throw lateField(late)
  if (next && mustBeLast) {
    const detail = 'With an Idempotency-Key a form has one file, which is its last part'
    throw new GatewayError('bad_request', detail, { detail })
  }
}

/** A browser sends an empty part where no file was chosen. */
async function expectNothing(content: AsyncIterable<Buffer[]>): Promise<void> {
  for await (const batch of content) {
    if (batch.every(({ length }) => length === 0)) continue
    throw new GatewayError('invalid_filename', 'A file without a name', {
      detail: 'Give each file a filename',
    })
  }
}

/**
 * A form is stored as a whole or not at all: what it made before the failure is removed. What it
 * replaced stays replaced; Drive has the version before it.
 *
 * @returns what is gone
 */
async function takeBack(
  uploads: Uploads,
  account: DriveAccount,
  stored: readonly Outcome[],
  log: Call['log'],
): Promise<Outcome[]> {
  const gone: Outcome[] = []
  for (const file of stored.filter(isNew)) {
    try {
      await uploads.remove(account, file.id)
      gone.push(file)
    } catch (error) {
      log.failure('file left behind', error, { fileId: file.id })
    }
  }
  return gone
}
