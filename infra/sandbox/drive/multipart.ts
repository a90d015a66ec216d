/** A streaming parser of `multipart/related` with exactly two parts: metadata, then media. */
import { badRequest } from './errors.ts'

export interface RelatedHandlers {
  /** Called once, before the first media bytes. */
  head(metadata: Buffer, mediaType: string | undefined): void
  /** @returns a promise when the parser must wait */
  media(chunk: Buffer): Promise<void> | undefined
}

export interface RelatedParser {
  /** @throws 400 as soon as the body is malformed */
  write: (chunk: Buffer) => Promise<void> | undefined
  /** @throws 400 unless the closing delimiter was seen */
  end: () => void
}

const maxHeadBytes = 4 * 1024 * 1024

/**
 * The first delimiter decides how lines end in the whole body: by CRLF, or by a bare LF, as Python's
 * email package writes them.
 *
 * @throws 400 when the type is not `multipart/related`, or has no boundary
 */
export function createRelatedParser(contentType: string, parts: RelatedHandlers): RelatedParser {
  const boundary = readBoundary(contentType)
  let lineBreak = '\r\n'
  let delimiter = `\r\n--${boundary}`
  let state: 'head' | 'media' | 'closed' = 'head'
  let buffer: Buffer = Buffer.from('\r\n') // the first delimiter follows no line break

  const parseHead = (chunk: Buffer): Promise<void> | undefined => {
    buffer = Buffer.concat([buffer, chunk])
    const first = buffer.indexOf(`\n--${boundary}`)
    if (first >= 0 && buffer.at(first + boundary.length + 3) === 10) {
      lineBreak = '\n'
      delimiter = `\n--${boundary}`
    }
    const head = readHead(buffer, delimiter, lineBreak)
    if (!head) {
      if (buffer.length > maxHeadBytes) throw malformed()
      return undefined
    }
    state = 'media'
    buffer = Buffer.alloc(0)
    parts.head(head.metadata, head.mediaType)
    return parseMedia(head.rest)
  }

  const parseMedia = (chunk: Buffer): Promise<void> | undefined => {
    const bytes = buffer.length > 0 ? Buffer.concat([buffer, chunk]) : chunk
    const at = bytes.indexOf(delimiter)
    const end = at + delimiter.length
    if (at >= 0 && bytes.length >= end + 2) {
      if (bytes.toString('latin1', end, end + 2) !== '--') throw malformed() // a third part
      state = 'closed'
      buffer = Buffer.alloc(0)
      return emit(bytes.subarray(0, at))
    }
    // Only a possible start of the delimiter is buffered, so that few chunks are copied.
    const candidate = bytes.indexOf(
      lineBreak.charAt(0),
      Math.max(0, bytes.length - delimiter.length - 1),
    )
    const safe = at >= 0 ? at : candidate >= 0 ? candidate : bytes.length
    buffer = bytes.subarray(safe)
    return emit(bytes.subarray(0, safe))
  }

  const emit = (bytes: Buffer) => (bytes.length > 0 ? parts.media(bytes) : undefined)

  return {
    write(chunk) {
      if (state === 'head') return parseHead(chunk)
      return state === 'media' ? parseMedia(chunk) : undefined
    },
    end() {
      if (state !== 'closed') throw malformed()
    },
  }
}

/** Reads the first part and the headers of the second; undefined while they are incomplete. */
function readHead(bytes: Buffer, delimiter: string, lineBreak: string) {
  const blankLine = lineBreak.repeat(2)
  const first = bytes.indexOf(`${delimiter}${lineBreak}`)
  if (first < 0) return undefined
  const firstHeaders = bytes.indexOf(blankLine, first)
  if (firstHeaders < 0) return undefined
  const metadataStart = firstHeaders + blankLine.length
  const second = bytes.indexOf(delimiter, metadataStart)
  if (second < 0) return undefined
  const secondHeaders = bytes.indexOf(blankLine, second)
  const line = bytes.toString('latin1', second + delimiter.length, second + delimiter.length + 2)
  if (line === '--') throw malformed() // one part only
  if (secondHeaders < 0) return undefined
  const type = readType(bytes.toString('latin1', first, metadataStart))
  if (!line.startsWith(lineBreak) || !/^application\/json\b/i.test(type ?? '')) throw malformed()
  const mediaStart = secondHeaders + blankLine.length
  return {
    metadata: bytes.subarray(metadataStart, second),
    mediaType: readType(bytes.toString('latin1', second, mediaStart)),
    rest: bytes.subarray(mediaStart),
  }
}

function readBoundary(contentType: string): string {
  const [type = '', ...parameters] = contentType.split(';')
  if (type.trim().toLowerCase() !== 'multipart/related') throw malformed()
  for (const parameter of parameters) {
    const match = /^\s*boundary=(?:"([^"]{1,200})"|([^\s"]{1,200}))\s*$/i.exec(parameter)
    if (match) return match[1] ?? match[2] ?? ''
  }
  throw malformed()
}

function readType(headers: string): string | undefined {
  return /^content-type:[ \t]*([^\r\n]+?)[ \t]*$/im.exec(headers)?.[1]
}

function malformed() {
  return badRequest('Malformed multipart body.')
}
