/** Parses `Upload-Metadata`. */
import { isUtf8 } from 'node:buffer'
import type { FileReference } from '../../drive/client/account.ts'
import type { NewFile } from '../../drive/upload/upload.ts'
import type { GatewayError } from '../../errors.ts'
import { badRequest } from '../../http/bad-request.ts'
import { readFileReference } from '../../http/file-id.ts'
import { driveName, readPath } from '../../http/file-name.ts'
import { isMediaType, mediaTypeOf } from '../../lib/media-type.ts'

/** The upload URL contains the metadata, so their length is limited. */
const maxMetadataBytes = 3 * 1024

export interface FileDescription {
  file: NewFile
  folder?: FileReference
  /** Folders below `folder`, created on demand. */
  path: string[]
  /** Expected SHA-256 of the file, in hex. */
  sha256?: string
}

/**
 * Reads `filename` (or `name`), `filetype` (or `type`), `folder`, `path` and `sha256`; other keys
 * are ignored.
 *
 * @param header as sent; an empty string without metadata
 * @throws {GatewayError} `bad_request`, `invalid_filename`, `invalid_path`
 * @see tus 1.0.0, "Upload-Metadata"
 */
export function readMetadata(header: string): FileDescription {
  if (header.length > maxMetadataBytes) throw invalidMetadata(`exceeds ${maxMetadataBytes} bytes`)
  const pairs = readPairs(header)
  const text = (...keys: string[]): string | undefined => {
    const value = keys.map((key) => pairs.get(key)).find((candidate) => candidate?.length)
    if (value && !isUtf8(value)) throw invalidMetadata(`has a ${keys[0]} that is not UTF-8`)
    return value?.toString('utf8')
  }
  const folder = text('folder')
  const path = text('path')
  const type = text('filetype', 'type') ?? ''
  const name = driveName(text('filename', 'name') ?? '')
  const sha256 = text('sha256')?.toLowerCase()
  if (sha256 !== undefined && !/^[\da-f]{64}$/.test(sha256)) {
    throw invalidMetadata('has a sha256 that is not 64 hexadecimal digits')
  }
  return {
    file: {
      name,
      // Browsers send an empty type for unknown extensions.
      mimeType: mediaTypeOf(name, isMediaType(type) ? type.toLowerCase() : undefined),
    },
    ...(folder === undefined ? {} : { folder: readFileReference(folder) }),
    path: path === undefined ? [] : readPath(path.split('/')),
    ...(sha256 === undefined ? {} : { sha256 }),
  }
}

function readPairs(header: string): Map<string, Buffer> {
  const pairs = new Map<string, Buffer>()
  if (header === '') return pairs
  for (const pair of header.split(',')) {
    const [, key = '', text = ''] =
      /^[ \t]*([\x21-\x7e]+)(?: ([A-Za-z\d+/=]*))?[ \t]*$/.exec(pair) ?? []
    if (key === '') throw invalidMetadata('is not a list of keys with values in Base64')
    if (pairs.has(key)) throw invalidMetadata('has a duplicate key')
    const value = Buffer.from(text, 'base64')
    // Several texts decode to the same bytes; only the canonical one is accepted.
    if (value.toString('base64') !== text) throw invalidMetadata('has a value that is not Base64')
    pairs.set(key, value)
  }
  return pairs
}

function invalidMetadata(problem: string): GatewayError {
  return badRequest(`Upload-Metadata ${problem}`)
}
