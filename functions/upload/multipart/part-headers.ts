/**
 * Parses the headers of a form's part: field name, file name and media type. A header that parsers
 * could read differently is an error.
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
      /** As sent, possibly with a path; empty for a browser's input with no file. */
      filename: string
      mimeType: string
    }

const maxHeaderLines = 32
/** A header may not start like a delimiter: such a header would join two parts. */
const headerLine = /^(?!--)([!#$%&'*+.^_`|~\dA-Za-z-]+):([^\0-\x08\n-\x1f\x7f]*)$/

/**
 * Parses the header lines of one part.
 *
 * @param block without the blank line at its end
 * @throws {GatewayError} `malformed_multipart`, `ambiguous_part`, `unsupported_part`,
 *   `invalid_filename`
 */
export function readPartHeaders(block: Buffer): FormPart {
  if (!isUtf8(block)) {
    throw new GatewayError('invalid_filename', 'Part headers are not UTF-8', {
      detail: 'Encode the names of fields and files in UTF-8.',
    })
  }
  const lines = block.toString('utf8').split('\r\n')
  if (lines.length > maxHeaderLines) throw malformed('has too many headers')
  const headers = new Map<string, string>()
  for (const line of lines) {
    const [, name, value] = headerLine.exec(line) ?? []
    if (name === undefined || value === undefined) throw malformed('has a malformed header')
    const key = name.toLowerCase()
    if (headers.has(key)) throw ambiguous('has a duplicate header')
    headers.set(key, value.trim())
  }

  const disposition = headers.get('content-disposition')
  if (disposition === undefined) throw malformed('has no Content-Disposition')
  const params = readDisposition(disposition)
  const name = params.get('name')
  if (name === undefined) throw malformed('has no name')
  const type = headers.get('content-type')
  const mimeType = readMimeType(type)
  rejectEncodings(mimeType, headers.get('content-transfer-encoding'))

  const filename = readFilename(params)
  if (filename !== undefined) return { kind: 'file', name, filename, mimeType }
  // Parsers disagree whether a part with a media type and without a filename is a file.
  if (type !== undefined && mimeType !== 'text/plain') {
    throw new GatewayError('unsupported_part', 'A part has a Content-Type but no filename', {
      detail: 'Give each file a filename. A field may have the type text/plain only.',
    })
  }
  return { kind: 'field', name }
}

/** Parses `form-data; a="b"; c=d`, with quoted strings decoded. */
function readDisposition(value: string): Map<string, string> {
  const type = /^form-data(?=[ \t;]|$)/i.exec(value)
  if (!type) throw malformed('has another Content-Disposition than form-data')
  const parameters = readParameters(value.slice(type[0].length))
  if (!parameters) throw malformed('has a malformed Content-Disposition')
  const params = new Map<string, string>()
  for (const { name, value: text, quoted } of parameters) {
    if (params.has(name)) throw ambiguous(`has a duplicate ${name}`)
    params.set(name, quoted ? unquote(text) : text)
  }
  return params
}

/** Decodes a quoted string as browsers (`%22`, `%0D`, `%0A`) and curl (`\"`, `\\`) encode it. */
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
  const decoded = decodeExtendedValue(extended)
  if (plain !== undefined && plain !== decoded) {
    throw ambiguous('has a filename and a filename* that differ')
  }
  return decoded
}

/** Decodes a value such as `UTF-8'en'caf%C3%A9`. @see RFC 8187 */
function decodeExtendedValue(value: string): string {
  const match = /^utf-8'[\w-]*'((?:%[\da-f]{2}|[!#$&+.^_`|~\w-])+)$/i.exec(value)
  try {
    if (match?.[1] !== undefined) return decodeURIComponent(match[1])
  } catch {
    // The escapes are not UTF-8: malformed.
  }
  throw new GatewayError('invalid_filename', 'filename* is malformed', {
    detail: "filename* is malformed. Write it like filename*=UTF-8''caf%C3%A9.txt.",
  })
}

/** Returns a media type without its parameters, by default `application/octet-stream`. */
export function readMimeType(value: string | undefined): string {
  if (value === undefined) return 'application/octet-stream'
  const [, type] = /^([\w!#$&^.+-]+\/[\w!#$&^.+-]+)[ \t]*(?:;|$)/.exec(value) ?? []
  return type?.toLowerCase() ?? 'application/octet-stream'
}

/** Rejects nested and encoded parts: files are stored as they are sent. */
function rejectEncodings(mimeType: string, encoding: string | undefined): void {
  const isEncoded = encoding !== undefined && !/^(7bit|8bit|binary)$/i.test(encoding)
  if (mimeType.startsWith('multipart/') || isEncoded) {
    throw new GatewayError('unsupported_part', 'A part is nested or encoded', {
      detail: 'Send each file unencoded, in a part of its own.',
    })
  }
}

function malformed(problem: string): GatewayError {
  const message = `A part ${problem}`
  return new GatewayError('malformed_multipart', message, { detail: `${message}.` })
}

function ambiguous(problem: string): GatewayError {
  const message = `A part ${problem}`
  return new GatewayError('ambiguous_part', message, { detail: `${message}.` })
}
