/** A multipart/form-data body as a sequence of parts, each file a stream, parsed by busboy. */
import busboy from 'busboy'
import type { Readable } from 'node:stream'
import { GatewayError } from '../errors.ts'
import { createFormGate } from './form-gate.ts'
import type { FormLimits } from './form-gate.ts'
import type { FormPart } from './form-part.ts'
import { readParameters } from './parameters.ts'

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
      content: AsyncIterable<Buffer>
    }

/** @see RFC 2046 section 5.1.1: 1 to 70 of these characters, the last no space */
const boundaryShape = /^[\w'()+,./:=? -]{0,69}[\w'()+,./:=?-]$/

/**
 * The boundary that a Content-Type names.
 *
 * @throws {GatewayError} `unsupported_media_type` for anything but a form, `bad_boundary`
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
    throw new GatewayError('bad_boundary', `${found.length} boundaries, or one of a wrong shape`)
  }
  return boundary.value
}

/** What is read ahead of entries that nobody has asked for yet. */
const aheadBytes = 256 * 1024

/**
 * Takes a form apart while it arrives; the source is read only as fast as the entries are.
 *
 * @throws {GatewayError} whatever the gate or the source throw, as soon as it is known
 */
export async function* readForm(
  source: AsyncIterable<Buffer>,
  boundary: string,
  limits: FormLimits,
): AsyncGenerator<FormEntry, void, undefined> {
  const parts: FormPart[] = []
  const gate = createFormGate(boundary, limits, (part) => parts.push(part))
  const parser = busboy({
    headers: { 'content-type': `multipart/form-data; boundary="${boundary}"` },
    // The gate has refused what is over the limits; busboy's own would cut silently.
    limits: { fieldSize: limits.fieldBytes + 1, parts: Infinity },
    defCharset: 'utf8',
  })

  // What busboy has announced and nobody has asked for yet; `wake` tells of anything new.
  const announced: FormEntry[] = []
  let state: 'open' | 'whole' | { broken: unknown } = 'open'
  let wake: (() => void) | undefined
  let taken: (() => void) | undefined
  let ahead = 0
  const news = (): void => wake?.()
  const somethingNew = (): Promise<void> => new Promise((resolve) => (wake = resolve))
  const failIfBroken = (): void => {
    if (typeof state === 'object') throw state.broken
  }

  parser.on('field', (_name, value) => {
    const part = parts.shift()
    if (part) announced.push({ kind: 'field', name: part.name, value })
    news()
  })
  parser.on('file', (_name, stream) => {
    stream.on('error', () => {}) // it may break before anybody reads it
    const part = parts.shift()
    if (part?.kind === 'file') announced.push({ ...part, content: contentOf(stream) })
    news()
  })

  async function* contentOf(stream: Readable): AsyncGenerator<Buffer, void, undefined> {
    try {
      yield* stream as AsyncIterable<Buffer>
    } catch (error) {
      failIfBroken()
      throw error
    }
    while (announced.length === 0 && state === 'open') await somethingNew()
    failIfBroken()
  }

  /** Fields and small files would otherwise pile up behind a file that is still on its way. */
  async function* atPace(): AsyncGenerator<Buffer, void, undefined> {
    for await (const chunk of source) {
      yield chunk
      ahead += chunk.length
      while (announced.length > 0 && ahead > aheadBytes && !parser.destroyed) {
        await new Promise<void>((resolve) => (taken = resolve))
      }
      if (announced.length === 0) ahead = 0
    }
  }

  parser.once('close', () => taken?.())
  const pumped = pump(atPace(), gate, parser).then(
    () => (state = 'whole'),
    (error: unknown) => {
      state = { broken: error }
      parser.destroy(error instanceof Error ? error : undefined)
    },
  )
  void pumped.then(news)
  try {
    for (;;) {
      const entry = announced.shift()
      if (entry) {
        taken?.()
        yield entry
      } else if (state === 'open') await somethingNew()
      else break
    }
    failIfBroken()
  } finally {
    parser.destroy()
  }
}

/** Moves the body through the gate into busboy; done when both have seen a whole form. */
async function pump(
  source: AsyncIterable<Buffer>,
  gate: ReturnType<typeof createFormGate>,
  parser: busboy.Busboy,
): Promise<void> {
  let release: (() => void) | undefined
  const done = new Promise<void>((resolve, reject) => {
    parser.once('finish', () => resolve())
    parser.on('error', (error: unknown) => {
      reject(
        new GatewayError('malformed_multipart', 'busboy refused what the gate let pass', {
          cause: error,
        }),
      )
    })
    parser.once('close', () => {
      release?.()
      reject(new GatewayError('truncated', 'The form was given up'))
    })
  })
  done.catch(() => {}) // it is awaited at the end, or not at all when the source fails first
  parser.on('drain', () => release?.())
  for await (const chunk of source) {
    let room = true
    for (const piece of gate.push(chunk)) room = parser.write(piece)
    if (parser.destroyed) break
    if (!room) {
      await new Promise<void>((resolve) => (release = resolve))
      if (parser.destroyed) break
    }
  }
  if (!parser.destroyed) {
    gate.end()
    parser.end()
  }
  await done
}
