/**
 * Strict multipart tokenizer in front of busboy. Busboy is lenient: it skips parts whose headers it
 * cannot parse, and its result for an early close delimiter depends on TCP segmentation. The tokenizer
 * validates the same bytes first and rejects every form that is not well-formed. Busboy then gets
 * unambiguous input for the fields. The bytes of files bypass busboy.
 *
 * @see RFC 7578 (multipart/form-data), RFC 2046 section 5.1 (multipart)
 */
import { GatewayError } from '../../errors.ts'
import { readPartHeaders } from './part-headers.ts'
import type { FormPart } from './part-headers.ts'

export interface MultipartLimits {
  /** Maximum parts of one form, files and fields together. */
  maxParts: number
  /** Maximum bytes of one field. */
  maxFieldBytes: number
}

export interface MultipartTokenizer {
  /**
   * Consumes the next bytes of the body, in any segmentation.
   *
   * @throws {GatewayError} for a malformed form or an exceeded limit
   */
  push(chunk: Buffer): void
  /** @throws {GatewayError} `truncated` or `malformed_multipart` when the form is incomplete */
  end(): void
}

/** Receives the tokens of a form, each as soon as it is complete. */
export interface PartSink {
  /** Headers of the next part; its bytes follow. */
  part(part: FormPart): void
  /** Bytes of the current file. */
  content(bytes: Buffer): void
  /** All other bytes, as busboy reads them. */
  raw(bytes: Buffer): void
}

const maxHeaderBytes = 16 * 1024
/** Maximum bytes of the preamble and of the epilogue, which are ignored. */
const maxPreambleBytes = 1024

const crlf = Buffer.from('\r\n')
const blankLine = Buffer.from('\r\n\r\n')
const empty = Buffer.alloc(0)

/** The headers that busboy gets: only whether the part is a file, in unambiguous form. */
const syntheticHeaders = {
  field: Buffer.from('Content-Disposition: form-data; name="field"\r\n\r\n'),
  file: Buffer.from('Content-Disposition: form-data; name="file"; filename="file"\r\n\r\n'),
}

type State = 'preamble' | 'delimiter' | 'headers' | 'start' | 'body' | 'closed'

export function createMultipartTokenizer(
  boundary: string,
  limits: MultipartLimits,
  sink: PartSink,
): MultipartTokenizer {
  const dashBoundary = Buffer.from(`--${boundary}`)
  const delimiter = Buffer.concat([crlf, dashBoundary])
  const firstLine = Buffer.concat([dashBoundary, crlf])
  const delimiterLine = Buffer.concat([delimiter, crlf])
  const closeLine = Buffer.concat([delimiter, Buffer.from('--\r\n')])
  let state: State = 'preamble'
  /** Bytes that the next chunk has to complete. */
  let pending: Buffer = empty
  let parts = 0
  let kind: FormPart['kind'] = 'field'
  /** Bytes left for the current field; the size of files is limited elsewhere. */
  let fieldBytesLeft = 0

  /** Each parser consumes the start of `bytes` and returns the rest, or `undefined` for more bytes. */
  const parsers: Record<State, (bytes: Buffer) => Buffer | undefined> = {
    preamble(bytes) {
      const atStart = bytes.subarray(0, dashBoundary.length).equals(dashBoundary)
      const index = atStart ? 0 : bytes.indexOf(delimiter)
      if (index === -1 || index > maxPreambleBytes) {
        if (bytes.length > maxPreambleBytes + delimiter.length) {
          throw malformed('The body does not start with its boundary')
        }
        return undefined
      }
      state = 'delimiter'
      return bytes.subarray(index + (atStart ? dashBoundary.length : delimiter.length))
    },

    delimiter(bytes) {
      if (bytes.length < 2) return undefined
      if (bytes[0] === 0x0d && bytes[1] === 0x0a) {
        sink.raw(parts === 0 ? firstLine : delimiterLine)
        state = 'headers'
        return bytes.subarray(2)
      }
      if (bytes[0] === 0x2d && bytes[1] === 0x2d) {
        if (parts === 0) throw new GatewayError('no_file', 'The first delimiter closes the form')
        sink.raw(closeLine)
        state = 'closed'
        return bytes.subarray(2)
      }
      throw malformed('A delimiter is not followed by a line break')
    },

    headers(bytes) {
      const end = bytes.subarray(0, maxHeaderBytes).indexOf(blankLine)
      if (end === -1) {
        if (bytes.length >= maxHeaderBytes) {
          throw malformed(`The headers of a part exceed ${maxHeaderBytes} bytes`)
        }
        return undefined
      }
      if (++parts > limits.maxParts) {
        throw new GatewayError('too_many_parts', `The form has more than ${limits.maxParts} parts`)
      }
      const part = readPartHeaders(bytes.subarray(0, end))
      kind = part.kind
      fieldBytesLeft = limits.maxFieldBytes
      sink.part(part)
      sink.raw(syntheticHeaders[kind])
      state = 'start'
      return bytes.subarray(end + blankLine.length)
    },

    start(bytes) {
      // Ambiguous: either content, or a delimiter that shares the line break of the blank line.
      const beginning = bytes.subarray(0, dashBoundary.length)
      if (beginning.equals(dashBoundary)) throw malformed('A part has headers but no content')
      if (beginning.equals(dashBoundary.subarray(0, beginning.length))) return undefined
      state = 'body'
      return bytes
    },

    body(bytes) {
      const index = bytes.indexOf(delimiter)
      const data = index === -1 ? bytes.length - partialDelimiterLength(bytes, delimiter) : index
      if (kind === 'field' && (fieldBytesLeft -= data) < 0) {
        throw new GatewayError('field_too_large', `A field exceeds ${limits.maxFieldBytes} bytes`)
      }
      if (data > 0) sink[kind === 'file' ? 'content' : 'raw'](bytes.subarray(0, data))
      if (index === -1) {
        pending = bytes.subarray(data)
        return empty
      }
      state = 'delimiter'
      return bytes.subarray(index + delimiter.length)
    },

    closed(bytes) {
      if (bytes.indexOf(dashBoundary) !== -1 || bytes.length > maxPreambleBytes) {
        throw malformed('The form continues after its close delimiter')
      }
      return undefined
    },
  }

  return {
    push(chunk) {
      let bytes = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
      pending = empty
      while (bytes.length > 0) {
        const rest = parsers[state](bytes)
        if (rest === undefined) {
          pending = bytes
          break
        }
        bytes = rest
      }
    },

    end() {
      if (state === 'closed') return
      if (state === 'preamble') throw malformed('The body contains no delimiter')
      throw new GatewayError('truncated', `The body ended in state ${state}`)
    },
  }
}

/** Returns how many of the last bytes may be the start of a delimiter. */
function partialDelimiterLength(bytes: Buffer, delimiter: Buffer): number {
  const from = Math.max(0, bytes.length - delimiter.length + 1)
  for (let at = bytes.indexOf(0x0d, from); at !== -1; at = bytes.indexOf(0x0d, at + 1)) {
    const tail = bytes.subarray(at)
    if (tail.equals(delimiter.subarray(0, tail.length))) return tail.length
  }
  return 0
}

function malformed(message: string): GatewayError {
  return new GatewayError('malformed_multipart', message, { detail: `${message}.` })
}
