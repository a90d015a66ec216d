/** Forms for tests: whole, hostile and mutated, and what `readForm` makes of them. */
import { GatewayError } from '../../functions/errors.ts'
import { readForm } from '../../functions/upload/multipart/reader.ts'
import { formLimits } from '../../functions/upload/form.ts'
import { filePart, form } from './environment.ts'

/** What a form came to: all that was in it, or the code that it was refused with. */
export type Outcome =
  | { code: string }
  | { fields: [name: string, value: string][]; files: [filename: string, content: string][] }

/** Reads a form that arrives in these pieces, as a handler does. */
export async function outcomeOf(pieces: readonly Buffer[], boundary: string): Promise<Outcome> {
  const fields: [string, string][] = []
  const files: [string, string][] = []
  try {
    for await (const entry of readForm(arriving(pieces), boundary, formLimits)) {
      if (entry.kind === 'field') fields.push([entry.name, entry.value])
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

async function* arriving(pieces: readonly Buffer[]): AsyncGenerator<Buffer, void, undefined> {
  for (const piece of pieces) yield piece
}

/** The same bytes in two pieces. */
export function cutAt(bytes: Buffer, at: number): Buffer[] {
  return [bytes.subarray(0, at), bytes.subarray(at)]
}

export function bytewise(bytes: Buffer): Buffer[] {
  return Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))
}

export function fieldPart(name: string, value: string): { headers: string[]; body: string } {
  return { headers: [`Content-Disposition: form-data; name="${name}"`], body: value }
}

const webkit = '----WebKitFormBoundary7MA4YWxkTrZu0gW'
const curl = '------------------------d74496d66958873e'

/** Forms as clients in the field send them. */
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
    sender: 'a program with preamble and epilogue',
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
export const wholeForm = form('b', filePart('seen.txt', 'seen'))
const bare = 'Content-Disposition: form-data; name="file"; filename="x"\r\n\r\n'

/** Forms that are cut, lie or say two things at once, with boundary `b`, and what they get. */
export const hostileForms: [what: string, body: string | Buffer, code: string][] = [
  [
    'another boundary than was said (case 42)',
    form('other', filePart('a', 'a')),
    'malformed_multipart',
  ],
  [
    'lines that end in LF alone (case 42)',
    wholeForm.toString().replaceAll('\r\n', '\n'),
    'malformed_multipart',
  ],
  ['nothing at all (case 42)', '', 'malformed_multipart'],
  ['only the close delimiter (case 42)', '--b--\r\n', 'no_file'],
  [
    'a close delimiter first, then parts (case 42)',
    `--b--\r\n--b\r\n${bare}x\r\n--b--\r\n`,
    'no_file',
  ],
  [
    'a close delimiter early, then parts (case 44)',
    `--b\r\n${bare}x\r\n--b--\r\n--b\r\n${bare}y\r\n--b--\r\n`,
    'malformed_multipart',
  ],
  [
    'a close delimiter within a line, then parts (case 44)',
    `--b\r\n${bare}x\r\n--b--\r\n${bare}\r\n--b\r\n${bare}y\r\n--b--`,
    'malformed_multipart',
  ],
  [
    'a second form behind the first (case 45)',
    Buffer.concat([wholeForm, hidden]),
    'malformed_multipart',
  ],
  [
    'a long epilogue (case 45)',
    Buffer.concat([wholeForm, Buffer.alloc(1100, 'e')]),
    'malformed_multipart',
  ],
  [
    'a long preamble (case 45)',
    Buffer.concat([Buffer.alloc(1100, 'p'), wholeForm]),
    'malformed_multipart',
  ],
  [
    'a preamble without a line break behind it',
    Buffer.concat([Buffer.from('p'), wholeForm]),
    'no_file',
  ],
  ['text behind a delimiter', `--bX\r\n${bare}x\r\n--b--\r\n`, 'malformed_multipart'],
  [
    'a delimiter that only starts like one',
    `--b\r\n${bare}x\r\n--bc\r\n${bare}y\r\n--b--\r\n`,
    'malformed_multipart',
  ],
  [
    'headers that never end (case 46)',
    `--b\r\nContent-Disposition: form-data; name="a"\r\n--b--\r\n`,
    'truncated',
  ],
  [
    'headers that swallow the next delimiter (case 46)',
    `--b\r\nX: y\r\n--b\r\n${bare}y\r\n--b--\r\n`,
    'malformed_multipart',
  ],
  [
    'a delimiter right behind headers (case 46)',
    `--b\r\n${bare}--b\r\n${bare}y\r\n--b--\r\n`,
    'malformed_multipart',
  ],
  ['a part without headers (case 46)', '--b\r\n\r\nx\r\n--b--\r\n', 'truncated'],
  [
    '100 KB of headers (case 46)',
    form('b', { headers: [`X: ${'x'.repeat(100_000)}`], body: '' }),
    'malformed_multipart',
  ],
  [
    '10,000 header lines (case 46)',
    form('b', { headers: Array<string>(10_000).fill('X: y'), body: '' }),
    'malformed_multipart',
  ],
  [
    'a field over its limit (case 54)',
    form('b', fieldPart('f', 'x'.repeat(formLimits.fieldBytes + 1))),
    'field_too_large',
  ],
  [
    'a part over the limit (case 54)',
    form(
      'b',
      ...Array<ReturnType<typeof fieldPart>>(formLimits.parts + 1).fill(fieldPart('f', '')),
    ),
    'too_many_parts',
  ],
]
