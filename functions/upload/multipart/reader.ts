/** A multipart/form-data body as a sequence of parts, each file a stream. */
import busboy from 'busboy'
import { GatewayError } from '../../errors.ts'
import { createFormGate } from './tokenizer.ts'
import type { FormLimits } from './tokenizer.ts'
import type { FormPart } from './part-headers.ts'
import { readParameters } from './header-parameters.ts'

export type FormEntry =
  | { kind: 'field'; name: string; value: string }
  | {
      kind: 'file'
      name: string
      filename: string
      mimeType: string
      /**
       * The file's bytes, to be read before the next entry is asked for. It ends only once the form
       * has gone on cleanly behind the file (the next part's headers, or the form's end), and throws
       * otherwise: a file of a form that broke never looks whole.
       */
      content: AsyncIterable<Buffer[]>
      /** What comes behind the file, known once its content has ended; nothing behind the last. */
      following(): FormEntry | undefined
    }

/** @see RFC 2046 section 5.1.1: 1 to 70 of these characters, the last no space */
const boundaryShape = /^[\w'()+,./:=? -]{0,69}[\w'()+,./:=?-]$/

/**
 * The boundary that a Content-Type names.
 *
 * @throws {GatewayError} `unsupported_media_type` for anything but a form, `invalid_boundary`
 */
export function readBoundary(contentType: string | undefined): string {
  const [, parameters] = /^multipart\/form-data[ \t]*((?:;.*)?)$/i.exec(contentType ?? '') ?? []
  if (parameters === undefined) {
    throw new GatewayError('unsupported_media_type', 'Content-Type is no form', {
      detail: 'Try: curl -F file=@photo.jpg …/upload',
    })
  }
  const found = readParameters(parameters)?.filter(({ name }) => name === 'boundary') ?? []
  const [boundary] = found
  if (found.length !== 1 || !boundary || !boundaryShape.test(boundary.value)) {
    throw new GatewayError(
      'invalid_boundary',
      `${found.length} boundaries, or one of a wrong shape`,
    )
  }
  return boundary.value
}

/** So many parts in one read are a flood, or near it: as many bytes are read before any is used. */
const manyEntries = 32
const aheadBytes = 256 * 1024

/**
 * Takes a form apart while it arrives; the source is read only as fast as the entries are.
 *
 * @throws {GatewayError} whatever the gate or the source throw
 */
export async function* readForm(
  source: AsyncIterable<Buffer | readonly Buffer[]>,
  boundary: string,
  limits: FormLimits,
): AsyncGenerator<FormEntry, void, undefined> {
  /** What has come and nobody has asked for yet. */
  const announced: FormEntry[] = []
  let part: FormPart | undefined
  let unread: Buffer[] = []
  let isWhole = false
  /** Bytes read since nothing was waiting. */
  let ahead = 0

  const parser = createParser(boundary, limits, (value) => {
    if (part) announced.push({ kind: 'field', name: part.name, value })
  })
  const gate = createFormGate(boundary, limits, {
    part(next) {
      part = next
      if (part.kind !== 'file') return
      const content = contentOf((unread = []))
      announced.push({ ...part, content, following: () => announced[0] })
    },
    content: (bytes) => void unread.push(bytes),
    frame: (bytes) => parser.write(bytes),
  })

  const input = source[Symbol.asyncIterator]()
  const readOn = async (): Promise<void> => {
    const { done, value } = await input.next()
    if (done) {
      gate.end()
      await parser.end()
      isWhole = true
      return
    }
    for (const chunk of Buffer.isBuffer(value) ? [value] : value) {
      ahead += chunk.length
      gate.push(chunk)
    }
  }

  /** By hand, since most bytes pass here: a generator would make several promises more of each read. */
  function contentOf(held: Buffer[]): AsyncIterable<Buffer[]> {
    const next = async (): Promise<IteratorResult<Buffer[], undefined>> => {
      while (held.length === 0) {
        if (announced.length > 0 || isWhole) return { done: true, value: undefined }
        await readOn()
      }
      return { done: false, value: held.splice(0) }
    }
    return { [Symbol.asyncIterator]: () => ({ next }) }
  }

  try {
    for (;;) {
      // A flood of parts is looked through before the first of them costs anything.
      if (announced.length >= manyEntries && !isWhole && ahead < aheadBytes) {
        await readOn()
        continue
      }
      const entry = announced.shift()
      if (announced.length === 0) ahead = 0
      if (entry) yield entry
      else if (isWhole) return
      else {
        unread.length = 0 // of a file that nobody wanted to read
        await readOn()
      }
    }
  } finally {
    parser.destroy()
    // Not waited for: it may be waiting for its caller.
    input.return?.().catch(() => {})
  }
}

interface Parser {
  write(bytes: Buffer): void
  /** Resolves when busboy, too, finds the form whole; it has told of all fields by then. */
  end(): Promise<void>
  destroy(): void
}

/** Busboy, for all that the gate lets pass of a form: it takes the fields apart, and has to agree. */
function createParser(
  boundary: string,
  limits: FormLimits,
  onField: (value: string) => void,
): Parser {
  const parser = busboy({
    headers: { 'content-type': `multipart/form-data; boundary="${boundary}"` },
    // The gate has refused what is over the limits; busboy's own would cut silently.
    limits: { fieldSize: limits.fieldBytes + 1, parts: Infinity },
    defCharset: 'utf8',
  })
  parser.on('field', (_name, value) => onField(value))
  parser.on('file', (_name, stream) => void stream.resume().on('error', () => {}))
  const parsed = new Promise<void>((resolve, reject) => {
    parser.once('finish', resolve).once('error', (cause: unknown) => {
      reject(
        new GatewayError('malformed_multipart', 'busboy refused what the gate let pass', { cause }),
      )
    })
  })
  parsed.catch(() => {}) // it is awaited at the end, or not at all when something else fails first
  return {
    write: (bytes) => void parser.write(bytes),
    async end() {
      parser.end()
      await parsed
    },
    destroy: () => void parser.destroy(),
  }
}
