/** `Upload-Metadata`: what a tus client says of its file. */
import { isUtf8 } from 'node:buffer'
import { GatewayError } from '../../errors.ts'
import type { NewFile } from '../../drive/upload/upload.ts'
import { driveName, readPath } from '../file-name.ts'
import { readFileId } from '../../files/list-query.ts'

/** It is carried in the upload's URL, which is no place for more. */
const maxBytes = 3 * 1024

export interface Described {
  file: NewFile
  /** Folders below `file.folder`, found or made; empty for none. */
  path: string[]
  /** SHA-256 that the file must have, in hex. */
  sha256?: string
}

/**
 * Reads `filename` (or `name`), `filetype` (or `type`), `folder`, `path` and `sha256`; other
 * keys are the client's own.
 *
 * @param header as sent; empty for none
 * @throws {GatewayError} `bad_request`, `invalid_filename`, `invalid_path`, `drive_not_found`
 * @see tus resumable upload protocol 1.0.0, "Upload-Metadata"
 */
export function readMetadata(header: string): Described {
  if (header.length > maxBytes) throw bad(`may have ${maxBytes} characters`)
  const pairs = readPairs(header)
  const text = (...keys: string[]): string | undefined => {
    const value = keys.map((key) => pairs.get(key)).find((one) => one?.length)
    if (value && !isUtf8(value)) throw bad(`says its ${keys[0]} in something else than UTF-8`)
    return value?.toString('utf8')
  }
  const folder = text('folder')
  const path = text('path')
  const sha256 = text('sha256')?.toLowerCase()
  if (sha256 !== undefined && !/^[\da-f]{64}$/.test(sha256)) {
    throw bad('has a sha256 that is not 64 hexadecimal digits')
  }
  return {
    file: {
      name: driveName(text('filename', 'name') ?? ''),
      mimeType: readType(text('filetype', 'type')),
      ...(folder === undefined ? {} : { folder: readFileId(folder) }),
    },
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
    if (key === '') throw bad('is not a list of keys, each with a value in Base64')
    if (pairs.has(key)) throw bad('has a key twice')
    const value = Buffer.from(text, 'base64')
    // Base64 may be read in more than one way; only what is written in the one way is taken.
    if (value.toString('base64') !== text) throw bad('has a value that is not Base64')
    pairs.set(key, value)
  }
  return pairs
}

/** Browsers give nothing for a type that they do not know. */
function readType(value = ''): string {
  const isType = /^[\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127}$/.test(value)
  return isType ? value.toLowerCase() : 'application/octet-stream'
}

function bad(what: string): GatewayError {
  const detail = `Upload-Metadata ${what}`
  return new GatewayError('bad_request', detail, { detail })
}
