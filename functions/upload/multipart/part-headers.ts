/**
 * Parses the headers of a form's part: field name, file name and media type. A header that parsers
 * could read differently is an error.
 *
 * @see RFC 7578 section 4; WHATWG, "multipart/form-data encoding algorithm"
 */
import { isUtf8 } from 'node:buffer'
import { GatewayError } from '../../errors.ts'
import { defaultMediaType } from '../../lib/media-type.ts'
import { readFilename } from './filename.ts'
import { readParameters, readPartParameters } from './header-parameters.ts'

export type FormPart =
  | {
      kind: 'field'
      name: string
      /** Of its text, by default UTF-8. */
      charset: string
    }
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
  const name = params.get('name') ?? params.get('name*')
  if (name === undefined) throw malformed('has no name')
  const type = headers.get('content-type')
  const mimeType = readMimeType(type)
  rejectEncodings(mimeType, headers.get('content-transfer-encoding'))

  const filename = readFilename(params)
  return filename === undefined
    ? { kind: 'field', name, charset: readCharset(type) }
    : { kind: 'file', name, filename, mimeType }
}

/** Parses `form-data; a="b"; c=d`, with escapes by backslashes decoded. */
function readDisposition(value: string): Map<string, string> {
  const type = /^form-data(?=[ \t;]|$)/i.exec(value)
  if (!type) throw malformed('has another Content-Disposition than form-data')
  const parameters = readPartParameters(value.slice(type[0].length))
  if (!parameters) throw malformed('has a malformed Content-Disposition')
  const params = new Map<string, string>()
  for (const { name, value: text } of parameters) {
    if (params.has(name)) throw ambiguous(`has a duplicate ${name}`)
    params.set(name, text)
  }
  return params
}

/** Returns a media type without its parameters; `application/octet-stream` for none and a malformed one. */
export function readMimeType(value = ''): string {
  const [, type] = /^([\w!#$&^.+-]+\/[\w!#$&^.+-]+)[ \t]*(?:;|$)/.exec(value) ?? []
  return type?.toLowerCase() ?? defaultMediaType
}

/** Reads the charset of a field's Content-Type. @see RFC 7578 section 4.4 */
function readCharset(type = ''): string {
  const parameters = readParameters(type.replace(/^[^;]*/, '')) ?? []
  return parameters.find(({ name }) => name === 'charset')?.value ?? 'utf-8'
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
