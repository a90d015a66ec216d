/** Reads a multipart/form-data body as a sequence of entries, each file as a stream. */
import busboy from 'busboy'
import { GatewayError } from '../../errors.ts'
import { decodeText } from './decode-text.ts'
import { readParameters } from './header-parameters.ts'
import type { FormPart } from './part-headers.ts'
import { createMultipartTokenizer } from './tokenizer.ts'
import type { MultipartLimits } from './tokenizer.ts'

export type FormEntry =
  | {
      kind: 'field'
      name: string
      /** `undefined` when the bytes are not text in the charset of the part. */
      value: string | undefined
    }
  | {
      kind: 'file'
      name: string
      filename: string
      mimeType: string
      /**
       * The file's bytes, to be read before the next entry is requested. It ends only after the next
       * part's headers or the end of the form were valid, and throws otherwise: a file of a malformed
       * form never looks complete.
       */
      content: AsyncIterable<Buffer[]>
      /** The entry after the file, known when its content has ended; `undefined` after the last. */
      nextEntry(): FormEntry | undefined
    }

/** @see RFC 2046 section 5.1.1: 1 to 70 of these characters, the last not a space */
const boundaryPattern = /^[\w'()+,./:=? -]{0,69}[\w'()+,./:=?-]$/

/**
 * Reads the boundary of a Content-Type.
 *
 * @throws {GatewayError} `unsupported_media_type` unless it is multipart/form-data, `invalid_boundary`
 */
export function readBoundary(contentType: string | undefined): string {
  const [, parameters] = /^multipart\/form-data[ \t]*((?:;.*)?)$/i.exec(contentType ?? '') ?? []
  if (parameters === undefined) {
    throw new GatewayError('unsupported_media_type', 'Content-Type is not multipart/form-data', {
      detail: 'Send a form: curl -F file=@photo.jpg …/upload',
    })
  }
  const boundaries = readParameters(parameters)?.filter(({ name }) => name === 'boundary') ?? []
  const [boundary] = boundaries
  if (boundaries.length !== 1 || !boundary || !boundaryPattern.test(boundary.value)) {
    throw new GatewayError(
      'invalid_boundary',
      `${boundaries.length} boundaries, or a malformed one`,
    )
  }
  return boundary.value
}

/** With this many queued entries, up to `maxReadAheadBytes` are validated before one is used. */
const maxQueuedEntries = 32
const maxReadAheadBytes = 256 * 1024

/**
 * Parses a form while it arrives, and reads the source only as fast as the entries are consumed.
 *
 * @throws {GatewayError} an error of the tokenizer or of the source
 * @see RFC 7578
 */
export async function* readForm(
  source: AsyncIterable<Buffer | readonly Buffer[]>,
  boundary: string,
  limits: MultipartLimits,
): AsyncGenerator<FormEntry, void, undefined> {
  /** Parsed entries that the consumer has not requested yet. */
  const queue: FormEntry[] = []
  let part: FormPart | undefined
  let fileBytes: Buffer[] = []
  let isComplete = false
  /** Bytes read since the queue was last empty. */
  let readAheadBytes = 0

  const parser = createParser(boundary, limits, (bytes) => {
    if (part?.kind !== 'field') return
    queue.push({ kind: 'field', name: part.name, value: decodeText(part.charset, bytes) })
  })
  const tokenizer = createMultipartTokenizer(boundary, limits, {
    part(next) {
      part = next
      if (part.kind !== 'file') return
      const content = contentOf((fileBytes = []))
      queue.push({ ...part, content, nextEntry: () => queue[0] })
    },
    content: (bytes) => void fileBytes.push(bytes),
    raw: (bytes) => parser.write(bytes),
  })

  const input = source[Symbol.asyncIterator]()
  const readNext = async (): Promise<void> => {
    const { done, value } = await input.next()
    if (done) {
      tokenizer.end()
      await parser.end()
      isComplete = true
      return
    }
    for (const chunk of Buffer.isBuffer(value) ? [value] : value) {
      readAheadBytes += chunk.length
      tokenizer.push(chunk)
    }
  }

  /** An iterator written by hand: a generator would create several promises more per read. */
  function contentOf(buffers: Buffer[]): AsyncIterable<Buffer[]> {
    const next = async (): Promise<IteratorResult<Buffer[], undefined>> => {
      while (buffers.length === 0) {
        if (queue.length > 0 || isComplete) return { done: true, value: undefined }
        await readNext()
      }
      return { done: false, value: buffers.splice(0) }
    }
    return { [Symbol.asyncIterator]: () => ({ next }) }
  }

  try {
    for (;;) {
      // Many small parts are validated ahead, so that too_many_parts comes before any upload.
      if (queue.length >= maxQueuedEntries && !isComplete && readAheadBytes < maxReadAheadBytes) {
        await readNext()
        continue
      }
      const entry = queue.shift()
      if (queue.length === 0) readAheadBytes = 0
      if (entry) yield entry
      else if (isComplete) return
      else {
        fileBytes.length = 0 // the consumer skipped the rest of this file
        await readNext()
      }
    }
  } finally {
    parser.destroy()
    // Not awaited: the source may itself wait for this generator.
    input.return?.().catch(() => {})
  }
}

interface Parser {
  write(bytes: Buffer): void
  /** Resolves when busboy has accepted the form; all fields are reported by then. */
  end(): Promise<void>
  destroy(): void
}

/** Runs busboy on the tokenizer's output: it parses the fields, and must accept the form too. */
function createParser(
  boundary: string,
  limits: MultipartLimits,
  onField: (value: Buffer) => void,
): Parser {
  const parser = busboy({
    headers: { 'content-type': `multipart/form-data; boundary="${boundary}"` },
    // The tokenizer enforces the limits; busboy would truncate silently.
    limits: { fieldSize: limits.maxFieldBytes + 1, parts: Infinity },
    defCharset: 'latin1', // keeps the bytes, which the reader decodes
  })
  parser.on('field', (_name, value) => onField(Buffer.from(value, 'latin1')))
  parser.on('file', (_name, stream) => void stream.resume().on('error', () => {}))
  const parsed = new Promise<void>((resolve, reject) => {
    parser.once('finish', resolve).once('error', (cause: unknown) => {
      reject(
        new GatewayError(
          'malformed_multipart',
          'busboy rejected a form that the tokenizer accepted',
          {
            cause,
          },
        ),
      )
    })
  })
  parsed.catch(() => {}) // end() awaits it, unless another error comes first
  return {
    write: (bytes) => void parser.write(bytes),
    async end() {
      parser.end()
      await parsed
    },
    destroy: () => void parser.destroy(),
  }
}
