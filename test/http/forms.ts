/** Forms for tests: whole, hostile and mutated, and what `readForm` makes of them. */
import { GatewayError } from '../../functions/errors.ts'
import { readForm } from '../../functions/http/multipart.ts'
import { filePart, form } from '../kit.ts'

export const limits = { parts: 50, fieldBytes: 64 * 1024 }

/** What a form came to: all that was in it, or the code that it was refused with. */
export type Outcome =
  | { code: string }
  | { fields: [name: string, value: string][]; files: [filename: string, content: string][] }

/** Reads a form that arrives in these pieces, as a handler does. */
export async function outcomeOf(pieces: readonly Buffer[], boundary: string): Promise<Outcome> {
  const fields: [string, string][] = []
  const files: [string, string][] = []
  try {
    for await (const entry of readForm(arriving(pieces), boundary, limits)) {
      if (entry.kind === 'field') fields.push([entry.name, entry.value])
      else {
        const parts: Buffer[] = []
        for await (const part of entry.content) parts.push(part)
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

/** A random number generator that can be started again. @see Mulberry32 */
export function seededRandom(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
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
