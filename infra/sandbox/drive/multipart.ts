/** `multipart/related` with exactly two parts: metadata, then media that flows through. */
import { badRequest } from './errors.ts'

export interface RelatedParts {
  /** Called once, before the first media bytes. */
  head(metadata: Buffer, mediaType: string | undefined): void
  /** @returns a promise when the media wants to be waited for */
  media(part: Buffer): Promise<void> | undefined
}

export interface RelatedParser {
  /** @throws 400 as soon as the body cannot be two parts any more */
  take: (part: Buffer) => Promise<void> | undefined
  /** @throws 400 unless the closing delimiter was seen */
  end: () => void
}

const mostHead = 4 * 1024 * 1024
const blankLine = '\r\n\r\n'
const carriageReturn = 13

/** @throws 400 when the type is not `multipart/related`, or has no boundary */
export function createRelatedParser(contentType: string, parts: RelatedParts): RelatedParser {
  const delimiter = `\r\n--${readBoundary(contentType)}`
  let state: 'head' | 'media' | 'closed' = 'head'
  let held: Buffer = Buffer.from('\r\n') // the first delimiter has no line before it

  const takeHead = (part: Buffer): Promise<void> | undefined => {
    held = Buffer.concat([held, part])
    const head = readHead(held, delimiter)
    if (!head) {
      if (held.length > mostHead) throw malformed()
      return undefined
    }
    state = 'media'
    held = Buffer.alloc(0)
    parts.head(head.metadata, head.mediaType)
    return takeMedia(head.rest)
  }

  const takeMedia = (part: Buffer): Promise<void> | undefined => {
    const bytes = held.length > 0 ? Buffer.concat([held, part]) : part
    const at = bytes.indexOf(delimiter)
    const end = at + delimiter.length
    if (at >= 0 && bytes.length >= end + 2) {
      if (bytes.toString('latin1', end, end + 2) !== '--') throw malformed() // a third part
      state = 'closed'
      held = Buffer.alloc(0)
      return emit(bytes.subarray(0, at))
    }
    // Only what may be the beginning of the delimiter waits, so that few parts are copied.
    const doubtful = bytes.indexOf(carriageReturn, Math.max(0, bytes.length - delimiter.length - 1))
    const safe = at >= 0 ? at : doubtful >= 0 ? doubtful : bytes.length
    held = bytes.subarray(safe)
    return emit(bytes.subarray(0, safe))
  }

  const emit = (bytes: Buffer) => (bytes.length > 0 ? parts.media(bytes) : undefined)

  return {
    take(part) {
      if (state === 'head') return takeHead(part)
      return state === 'media' ? takeMedia(part) : undefined
    },
    end() {
      if (state !== 'closed') throw malformed()
    },
  }
}

/** The first part and the headers of the second, once they are there. */
function readHead(bytes: Buffer, delimiter: string) {
  const first = bytes.indexOf(`${delimiter}\r\n`)
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
  if (line !== '\r\n' || !/^application\/json\b/i.test(type ?? '')) throw malformed()
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
