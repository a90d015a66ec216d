/**
 * A strict gate in front of busboy. Busboy forgives much: it skips parts whose headers it cannot
 * read, and what it makes of an early close delimiter depends on how TCP cut the bytes. The gate
 * reads the same bytes first, refuses what is not plainly well-formed, and says what each part is;
 * busboy is handed forms about which there is nothing left to guess, and takes them apart. The
 * bytes of files, which are most of a form and have nothing in them to take apart, pass it by.
 *
 * @see RFC 7578 (multipart/form-data), RFC 2046 section 5.1 (multipart)
 */
import { GatewayError } from '../../errors.ts'
import { readPartHeaders } from './part-headers.ts'
import type { FormPart } from './part-headers.ts'

export interface FormLimits {
  /** Parts of one form, files and fields together. */
  parts: number
  /** Bytes of one field. */
  fieldBytes: number
}

export interface FormGate {
  /**
   * Takes the next bytes of the body, cut anywhere.
   *
   * @throws {GatewayError} for a form that is not well-formed or too large
   */
  push(chunk: Buffer): void
  /** @throws {GatewayError} `truncated` or `malformed_multipart` when the form is not whole */
  end(): void
}

/** What the gate lets through, each thing as soon as it is known. */
export interface BehindGate {
  /** The headers of a part are whole; its bytes follow. */
  part(part: FormPart): void
  /** Bytes of the file whose part was announced last. */
  content(bytes: Buffer): void
  /** Everything else, as busboy is to see it. */
  frame(bytes: Buffer): void
}

const headerBytes = 16 * 1024
/** Bytes before the first delimiter or behind the last that are passed over. */
const surroundBytes = 1024

const crlf = Buffer.from('\r\n')
const blankLine = Buffer.from('\r\n\r\n')
const empty = Buffer.alloc(0)

/** All that busboy hears of a part's headers: what it has to know, in words that cannot be misread. */
const plainHeaders = {
  field: Buffer.from('Content-Disposition: form-data; name="field"\r\n\r\n'),
  file: Buffer.from('Content-Disposition: form-data; name="file"; filename="file"\r\n\r\n'),
}

type State = 'preamble' | 'delimiter' | 'headers' | 'start' | 'body' | 'closed'

export function createFormGate(boundary: string, limits: FormLimits, behind: BehindGate): FormGate {
  const dashBoundary = Buffer.from(`--${boundary}`)
  const delimiter = Buffer.concat([crlf, dashBoundary])
  const firstLine = Buffer.concat([dashBoundary, crlf])
  const delimiterLine = Buffer.concat([delimiter, crlf])
  const closeLine = Buffer.concat([delimiter, Buffer.from('--\r\n')])
  let state: State = 'preamble'
  /** Bytes not yet judged: the start of something that the next chunk has to finish. */
  let rest: Buffer = empty
  let parts = 0
  let kind: FormPart['kind'] = 'field'
  /** Bytes that the field being read may still have; files are counted elsewhere. */
  let fieldLeft = 0

  /** Each step judges a beginning of `bytes` and returns what is left, or nothing to wait for more. */
  const steps: Record<State, (bytes: Buffer) => Buffer | undefined> = {
    preamble(bytes) {
      const atStart = bytes.subarray(0, dashBoundary.length).equals(dashBoundary)
      const found = atStart ? 0 : bytes.indexOf(delimiter)
      if (found === -1 || found > surroundBytes) {
        if (bytes.length > surroundBytes + delimiter.length) {
          throw malformed('No delimiter at the start', 'The body does not start with its boundary')
        }
        return undefined
      }
      state = 'delimiter'
      return bytes.subarray(found + (atStart ? dashBoundary.length : delimiter.length))
    },

    delimiter(bytes) {
      if (bytes.length < 2) return undefined
      if (bytes[0] === 0x0d && bytes[1] === 0x0a) {
        behind.frame(parts === 0 ? firstLine : delimiterLine)
        state = 'headers'
        return bytes.subarray(2)
      }
      if (bytes[0] === 0x2d && bytes[1] === 0x2d) {
        if (parts === 0) throw new GatewayError('no_file', 'The first delimiter closes the form')
        behind.frame(closeLine)
        state = 'closed'
        return bytes.subarray(2)
      }
      throw malformed(
        'Something follows a delimiter',
        'A delimiter is not followed by a line break',
      )
    },

    headers(bytes) {
      const end = bytes.subarray(0, headerBytes).indexOf(blankLine)
      if (end === -1) {
        if (bytes.length >= headerBytes) {
          throw malformed('Headers too long', 'The headers of a part are too long')
        }
        return undefined
      }
      if (++parts > limits.parts) {
        throw new GatewayError('too_many_parts', `More than ${limits.parts} parts`)
      }
      const part = readPartHeaders(bytes.subarray(0, end))
      kind = part.kind
      fieldLeft = limits.fieldBytes
      behind.part(part)
      behind.frame(plainHeaders[kind])
      state = 'start'
      return bytes.subarray(end + blankLine.length)
    },

    start(bytes) {
      // Is that content, or a delimiter that shares the blank line's second half? No telling.
      const beginning = bytes.subarray(0, dashBoundary.length)
      if (beginning.equals(dashBoundary)) {
        throw malformed('A delimiter right behind headers', 'A part has headers but no content')
      }
      if (beginning.equals(dashBoundary.subarray(0, beginning.length))) return undefined
      state = 'body'
      return bytes
    },

    body(bytes) {
      const found = bytes.indexOf(delimiter)
      const data = found === -1 ? bytes.length - tailOf(bytes, delimiter) : found
      if (kind === 'field' && (fieldLeft -= data) < 0) {
        throw new GatewayError('field_too_large', `A field over ${limits.fieldBytes} bytes`)
      }
      if (data > 0) behind[kind === 'file' ? 'content' : 'frame'](bytes.subarray(0, data))
      if (found === -1) {
        rest = bytes.subarray(data)
        return empty
      }
      state = 'delimiter'
      return bytes.subarray(found + delimiter.length)
    },

    closed(bytes) {
      if (bytes.indexOf(dashBoundary) !== -1 || bytes.length > surroundBytes) {
        throw malformed('More follows the close delimiter', 'Something follows the end of the form')
      }
      return undefined
    },
  }

  return {
    push(chunk) {
      let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      rest = empty
      while (bytes.length > 0) {
        const left = steps[state](bytes)
        if (left === undefined) {
          rest = bytes
          break
        }
        bytes = left
      }
    },

    end() {
      if (state === 'closed') return
      if (state === 'preamble') throw malformed('No delimiter at all', 'The body holds no form')
      throw new GatewayError('truncated', `The body ended in state ${state}`)
    },
  }
}

/** How many of the last bytes may be the start of a delimiter. */
function tailOf(bytes: Buffer, delimiter: Buffer): number {
  const from = Math.max(0, bytes.length - delimiter.length + 1)
  for (let at = bytes.indexOf(0x0d, from); at !== -1; at = bytes.indexOf(0x0d, at + 1)) {
    const tail = bytes.subarray(at)
    if (tail.equals(delimiter.subarray(0, tail.length))) return tail.length
  }
  return 0
}

function malformed(message: string, detail: string): GatewayError {
  return new GatewayError('malformed_multipart', message, { detail })
}
