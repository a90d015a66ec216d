/** `POST /upload`: files from a form into the Drive, each streamed, all or none. */
import type { DriveAccount } from '../drive/account.ts'
import type { NewFile, UploadedFile, Uploads } from '../drive/upload.ts'
import { GatewayError } from '../errors.ts'
import { declaredLength, readBody } from './body.ts'
import { driveName } from './file-name.ts'
import { readFileId } from './files.ts'
import type { Call } from './handler.ts'
import { readBoundary, readForm } from './multipart.ts'
import type { FormEntry } from './multipart.ts'
import { capped, sendFiles, tooLarge } from './upload-answer.ts'
import type { UploadParts } from './upload.ts'

/** What one form may have. */
export const formLimits = { parts: 1_000, fieldBytes: 64 * 1024 }

export async function uploadForm(parts: UploadParts, call: Call): Promise<void> {
  const { req, res, signal, log } = call
  const { sub } = await parts.identify(req)
  const account = parts.accountOf(sub)
  const boundary = readBoundary(req.headers['content-type'])
  refuseBodyUnread(req, parts.maxFileBytes)

  const form = readForm(readBody(req, res, parts.idleMs), boundary, formLimits)
  const stored: UploadedFile[] = []
  try {
    const place: Place = {}
    for await (const entry of form) {
      if (entry.kind === 'field') readField(entry, place, stored.length > 0)
      else if (entry.filename === '') await expectNothing(entry.content)
      else {
        const file = describeFile(entry, place)
        const content = capped(entry.content, parts.maxFileBytes)
        stored.push(await parts.uploads.store(account, file, content, signal))
      }
    }
    if (stored.length === 0) throw new GatewayError('no_file', 'The form had no file')
  } catch (error) {
    await takeBack(parts.uploads, account, stored, log)
    throw error
  }
  sendFiles(call, stored)
  log('INFO', 'uploaded', {
    files: stored.length,
    bytes: stored.reduce((sum, file) => sum + file.size, 0),
  })
}

/** What can be refused before a byte of the body is. */
function refuseBodyUnread(req: Call['req'], maxFileBytes: number): void {
  if (req.headers['content-encoding'] !== undefined) {
    throw new GatewayError('unsupported_media_type', 'The request body is encoded', {
      detail: 'Send the body without a Content-Encoding',
    })
  }
  // A form is a little longer than its one file; several files may each be as long as allowed.
  const length = declaredLength(req)
  if (length !== undefined && length > maxFileBytes * formLimits.parts) {
    throw tooLarge(maxFileBytes)
  }
}

/** Where the files of a form go. */
interface Place {
  folder?: string
}

/** @throws {GatewayError} `late_field`, or `bad_request` for a field that is there twice */
function readField(
  { name, value }: FormEntry & { kind: 'field' },
  place: Place,
  late: boolean,
): void {
  if (name !== 'folder') return // other fields are none of ours
  if (late) {
    throw new GatewayError('late_field', `The field ${name} came after a file`)
  }
  if (place.folder !== undefined) {
    const detail = `The field ${name} is there twice`
    throw new GatewayError('bad_request', detail, { detail })
  }
  place.folder = readFileId(value)
}

function describeFile(entry: FormEntry & { kind: 'file' }, { folder }: Place): NewFile {
  const name = driveName(entry.filename)
  return { name, mimeType: entry.mimeType, ...(folder === undefined ? {} : { folder }) }
}

/** A browser sends an empty part where no file was chosen. */
async function expectNothing(content: AsyncIterable<Buffer>): Promise<void> {
  for await (const chunk of content) {
    if (chunk.length === 0) continue
    throw new GatewayError('bad_filename', 'A file without a name', {
      detail: 'Give each file a filename',
    })
  }
}

/** A form is stored as a whole or not at all: what went well before the failure is removed. */
async function takeBack(
  uploads: Uploads,
  account: DriveAccount,
  stored: readonly UploadedFile[],
  log: Call['log'],
): Promise<void> {
  for (const { id } of stored) {
    try {
      await uploads.remove(account, id)
    } catch (error) {
      log.failure('file left behind', error, { fileId: id })
    }
  }
}
