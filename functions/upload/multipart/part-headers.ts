/**
 * What the headers of a form's part say: which field it is, whether it is a file, what the file is
 * called. One reading, and a refusal where there could be two.
 *
 * @see RFC 7578 section 4; WHATWG, "multipart/form-data encoding algorithm"
 */
import { isUtf8 } from 'node:buffer'
import { GatewayError } from '../../errors.ts'
import { readParameters } from './header-parameters.ts'

export type FormPart =
  | { kind: 'field'; name: string }
  | {
      kind: 'file'
      name: string
      /** As the sender gave it, path and all; empty where a browser's form had no file chosen. */
      filename: string
      mimeType: string
    }

const maxHeaderLines = 32
/** A token, but no line that starts like a delimiter: headers that swallow one would join two parts. */
const headerLine = /^(?!--)([!#$%&'*+.^_`|~\dA-Za-z-]+):([^\0-\x08\n-\x1f\x7f]*)$/

/**
 * @param block the header lines of one part, without the blank line at their end
 * @throws {GatewayError} `malformed_multipart`, `ambiguous_part`, `unsupported_part`, `invalid_filename`
 */
export function readPartHeaders(block: Buffer): FormPart {
  if (!isUtf8(block)) {
    throw new GatewayError('invalid_filename', 'Part headers are not UTF-8', {
      detail: 'Send the names of fields and files in UTF-8',
    })
  }
  const lines = block.toString('utf8').split('\r\n')
  if (lines.length > maxHeaderLines) throw malformed('Too many lines', 'has too many headers')
  const headers = new Map<string, string>()
  for (const line of lines) {
    const [, name, value] = headerLine.exec(line) ?? []
    if (name === undefined || value === undefined) {
      throw malformed('A bad header line', 'has a header that cannot be read')
    }
    const key = name.toLowerCase()
    if (headers.has(key)) throw ambiguous('A header twice', 'has the same header twice')
    headers.set(key, value.trim())
  }

  const disposition = headers.get('content-disposition')
  if (disposition === undefined) {
    throw malformed('No Content-Disposition', 'has no Content-Disposition')
  }
  const params = readDisposition(disposition)
  const name = params.get('name')
  if (name === undefined) throw malformed('No name', 'has no name')
  const type = headers.get('content-type')
  const mimeType = readMimeType(type)
  refuseEncodings(mimeType, headers.get('content-transfer-encoding'))

  const filename = readFilename(params)
  if (filename !== undefined) return { kind: 'file', name, filename, mimeType }
  // Typed as something other than text, yet no file: busboy and others disagree about what it is.
  if (type !== undefined && mimeType !== 'text/plain') {
    throw new GatewayError('unsupported_part', 'A typed part without a filename', {
      detail: 'Give each file a filename; a field has no type but text/plain',
    })
  }
  return { kind: 'field', name }
}

/** The parameters of `form-data; a="b"; c=d`, quoted strings undone. */
function readDisposition(value: string): Map<string, string> {
  const kind = /^form-data(?=[ \t;]|$)/i.exec(value)
  if (!kind) throw malformed('Not form-data', 'is not form-data')
  const found = readParameters(value.slice(kind[0].length))
  if (!found) throw malformed('A bad parameter', 'has a Content-Disposition that cannot be read')
  const params = new Map<string, string>()
  for (const { name, value: text, quoted } of found) {
    if (params.has(name)) throw ambiguous('A parameter twice', `says its ${name} twice`)
    params.set(name, quoted ? unquote(text) : text)
  }
  return params
}

/** Undoes what browsers (`%22`, `%0D`, `%0A`) and curl (`\"`, `\\`) do to a name in quotes. */
function unquote(text: string): string {
  return text
    .replaceAll(/\\(["\\])/g, '$1')
    .replaceAll(/%22/g, '"')
    .replaceAll(/%0d/gi, '\r')
    .replaceAll(/%0a/gi, '\n')
}

function readFilename(params: Map<string, string>): string | undefined {
  const plain = params.get('filename')
  const extended = params.get('filename*')
  if (extended === undefined) return plain
  const decoded = readExtended(extended)
  if (plain !== undefined && plain !== decoded) {
    throw ambiguous('Two filenames', 'has a filename and a filename* that differ')
  }
  return decoded
}

/** @see RFC 8187: `UTF-8'en'caf%C3%A9` */
function readExtended(value: string): string {
  const match = /^utf-8'[\w-]*'((?:%[\da-f]{2}|[!#$&+.^_`|~\w-])+)$/i.exec(value)
  try {
    if (match?.[1] !== undefined) return decodeURIComponent(match[1])
  } catch {
    // Not UTF-8 behind the escapes: refused like any other that cannot be read.
  }
  throw new GatewayError('invalid_filename', 'Cannot read filename*', {
    detail: "A filename* cannot be read; write it like filename*=UTF-8''caf%C3%A9.txt",
  })
}

/** The type itself, without its parameters; bytes of which nothing is said are just bytes. */
export function readMimeType(value: string | undefined): string {
  if (value === undefined) return 'application/octet-stream'
  const [, type] = /^([\w!#$&^.+-]+\/[\w!#$&^.+-]+)[ \t]*(?:;|$)/.exec(value) ?? []
  return type?.toLowerCase() ?? 'application/octet-stream'
}

/** Bytes are kept as they come: nothing is unpacked or decoded on the way. */
function refuseEncodings(mimeType: string, encoding: string | undefined): void {
  const encoded = encoding !== undefined && !/^(7bit|8bit|binary)$/i.test(encoding)
  if (mimeType.startsWith('multipart/') || encoded) {
    throw new GatewayError('unsupported_part', 'A nested or encoded part', {
      detail: 'Send each file as it is, in a part of its own',
    })
  }
}

function malformed(message: string, detail: string): GatewayError {
  return new GatewayError('malformed_multipart', message, { detail: `A part ${detail}` })
}

function ambiguous(message: string, detail: string): GatewayError {
  return new GatewayError('ambiguous_part', message, { detail: `A part ${detail}` })
}
