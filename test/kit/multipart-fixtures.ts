/** Multipart bodies for tests, valid and malformed, and a parser for them. */
import { GatewayError } from '../../functions/errors.ts'
import { readForm } from '../../functions/upload/multipart/reader.ts'
import { formLimits } from '../../functions/upload/form.ts'
import { filePart, form } from './environment.ts'

/**
 * All entries of a form, or the code of the problem that rejected it. The value of a field that is not
 * text in its charset is U+FFFD.
 */
export type ParsedForm =
  | { code: string }
  | { fields: [name: string, value: string][]; files: [filename: string, content: string][] }

/** Parses a form that arrives in these pieces, as the upload route does. */
export async function parseForm(pieces: readonly Buffer[], boundary: string): Promise<ParsedForm> {
  const fields: [string, string][] = []
  const files: [string, string][] = []
  try {
    for await (const entry of readForm(toStream(pieces), boundary, formLimits)) {
      if (entry.kind === 'field') fields.push([entry.name, entry.value ?? '\ufffd'])
      else {
        const parts: Buffer[] = []
        for await (const batch of entry.content) parts.push(...batch)
        files.push([entry.filename, Buffer.concat(parts).toString('latin1')])
      }
    }
    return { fields, files }
  } catch (error) {
    if (error instanceof GatewayError) return { code: error.code }
    throw error
  }
}

async function* toStream(pieces: readonly Buffer[]): AsyncGenerator<Buffer, void, undefined> {
  for (const piece of pieces) yield piece
}

/** Splits bytes into two pieces. */
export function splitAt(bytes: Buffer, at: number): Buffer[] {
  return [bytes.subarray(0, at), bytes.subarray(at)]
}

/** Splits bytes into pieces of one byte. */
export function splitIntoBytes(bytes: Buffer): Buffer[] {
  return Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))
}

/** Returns a form part that is a field. */
export function fieldPart(name: string, value: string): { headers: string[]; body: string } {
  return { headers: [`Content-Disposition: form-data; name="${name}"`], body: value }
}

const webkit = '----WebKitFormBoundary7MA4YWxkTrZu0gW'
const curl = '------------------------d74496d66958873e'

/** Forms as common clients send them. */
export const recordedForms: { sender: string; boundary: string; body: Buffer }[] = [
  {
    sender: 'a browser',
    boundary: webkit,
    body: form(
      webkit,
      fieldPart('folder', '0AAbbCCddEEffGG'),
      filePart('photo.jpg', Buffer.from([0xff, 0xd8, 13, 10, 45, 45, 13, 10, 0xff])),
      filePart('empty.txt', ''),
    ),
  },
  {
    sender: 'curl',
    boundary: curl,
    body: form(
      curl,
      filePart('a.txt', 'one\r\ntwo\r\n'),
      filePart('b.txt', `\r\n--${curl.slice(1)}`),
    ),
  },
  {
    sender: 'Python',
    boundary: 'ea2f1b',
    body: form('ea2f1b', {
      headers: ['Content-Disposition: form-data; name="file"; filename="data.bin"'],
      body: '\r\r\n\n--ea2f\r\n-',
    }),
  },
  {
    sender: 'a client that sends a preamble and an epilogue',
    boundary: 'x',
    body: Buffer.concat([
      Buffer.from('This is a form.\r\n'),
      form('x', filePart('é.txt', 'content'), fieldPart('note', 'hi')),
      Buffer.from('\r\nThat was a form.'),
    ]),
  },
  {
    sender: 'a browser with no file chosen',
    boundary: 'WKB',
    body: form('WKB', filePart('', '')),
  },
]

const hidden = form('b', filePart('hidden.txt', 'never to be seen'))
/** A valid form with the boundary `b`. */
export const validForm = form('b', filePart('seen.txt', 'seen'))
const fileHeaders = 'Content-Disposition: form-data; name="file"; filename="x"\r\n\r\n'

/** Malformed or ambiguous forms with the boundary `b`, and the codes of their problems. */
export const malformedForms: [description: string, body: string | Buffer, code: string][] = [
  [
    'a form with another boundary than declared',
    form('other', filePart('a', 'a')),
    'malformed_multipart',
  ],
  [
    'a form whose lines end in LF alone',
    validForm.toString().replaceAll('\r\n', '\n'),
    'malformed_multipart',
  ],
  ['an empty body', '', 'malformed_multipart'],
  ['a body of only the close delimiter', '--b--\r\n', 'no_file'],
  [
    'a form whose close delimiter precedes its parts',
    `--b--\r\n--b\r\n${fileHeaders}x\r\n--b--\r\n`,
    'no_file',
  ],
  [
    'a form with parts after the close delimiter',
    `--b\r\n${fileHeaders}x\r\n--b--\r\n--b\r\n${fileHeaders}y\r\n--b--\r\n`,
    'malformed_multipart',
  ],
  [
    'a form with part headers on the line of the close delimiter',
    `--b\r\n${fileHeaders}x\r\n--b--\r\n${fileHeaders}\r\n--b\r\n${fileHeaders}y\r\n--b--`,
    'malformed_multipart',
  ],
  ['a form followed by a second form', Buffer.concat([validForm, hidden]), 'malformed_multipart'],
  [
    'an epilogue over 1,024 bytes',
    Buffer.concat([validForm, Buffer.alloc(1100, 'e')]),
    'malformed_multipart',
  ],
  [
    'a preamble over 1,024 bytes',
    Buffer.concat([Buffer.alloc(1100, 'p'), validForm]),
    'malformed_multipart',
  ],
  [
    'a preamble without a line break at its end',
    Buffer.concat([Buffer.from('p'), validForm]),
    'no_file',
  ],
  ['text after a delimiter', `--bX\r\n${fileHeaders}x\r\n--b--\r\n`, 'malformed_multipart'],
  [
    'a line that starts with a delimiter',
    `--b\r\n${fileHeaders}x\r\n--bc\r\n${fileHeaders}y\r\n--b--\r\n`,
    'malformed_multipart',
  ],
  [
    'part headers without an end',
    `--b\r\nContent-Disposition: form-data; name="a"\r\n--b--\r\n`,
    'truncated',
  ],
  [
    'part headers that contain the next delimiter',
    `--b\r\nX: y\r\n--b\r\n${fileHeaders}y\r\n--b--\r\n`,
    'malformed_multipart',
  ],
  [
    'a delimiter directly after part headers',
    `--b\r\n${fileHeaders}--b\r\n${fileHeaders}y\r\n--b--\r\n`,
    'malformed_multipart',
  ],
  ['a part without headers', '--b\r\n\r\nx\r\n--b--\r\n', 'truncated'],
  [
    '100 KB of part headers',
    form('b', { headers: [`X: ${'x'.repeat(100_000)}`], body: '' }),
    'malformed_multipart',
  ],
  [
    '10,000 part headers',
    form('b', { headers: Array<string>(10_000).fill('X: y'), body: '' }),
    'malformed_multipart',
  ],
  [
    'a field over the size limit',
    form('b', fieldPart('f', 'x'.repeat(formLimits.maxFieldBytes + 1))),
    'field_too_large',
  ],
  [
    'a form with one part over the limit',
    form(
      'b',
      ...Array<ReturnType<typeof fieldPart>>(formLimits.maxParts + 1).fill(fieldPart('f', '')),
    ),
    'too_many_parts',
  ],
]
