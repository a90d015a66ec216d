import { describe, expect, test } from '@jest/globals'
import { createMultipartTokenizer } from '../../../functions/upload/multipart/tokenizer.ts'
import type { FormPart } from '../../../functions/upload/multipart/part-headers.ts'
import { GatewayError } from '../../../functions/errors.ts'
import { formLimits } from '../../../functions/upload/form.ts'
import {
  malformedForms,
  parseForm,
  recordedForms,
  splitAt,
  splitIntoBytes,
  validForm,
} from '../../kit/multipart-fixtures.ts'
import type { ParsedForm } from '../../kit/multipart-fixtures.ts'
import { mutateForm, splitInThree } from '../../kit/mutate-multipart.ts'
import { createRandomInt, seed } from '../../kit/random.ts'

const runs = Number(process.env['FORM_RUNS'] ?? 3_000)

/** Runs only the tokenizer. @returns its tokens, or the code of its problem */
function tokenize(pieces: readonly Buffer[], boundary: string): string {
  const parts: FormPart[] = []
  const output: Buffer[] = []
  const tokenizer = createMultipartTokenizer(boundary, formLimits, {
    part: (part) => void parts.push(part),
    content: (bytes) => void output.push(bytes),
    raw: (bytes) => void output.push(bytes),
  })
  try {
    for (const piece of pieces) tokenizer.push(piece)
    tokenizer.end()
  } catch (error) {
    if (error instanceof GatewayError) return error.code
    throw error
  }
  return JSON.stringify([parts, Buffer.concat(output).toString('latin1')])
}

const fileHeaders = 'Content-Disposition: form-data; name="file"; filename="x"\r\n\r\n'

describe.each(recordedForms)('the form of $sender', ({ boundary, body }) => {
  test('parses to the same entries in any two pieces and byte by byte', async () => {
    const whole = await parseForm([body], boundary)
    expect(whole).toHaveProperty('files')
    expect(await parseForm(splitIntoBytes(body), boundary)).toEqual(whole)
    for (let at = 1; at < body.length; at++) {
      expect(await parseForm(splitAt(body, at), boundary)).toEqual(whole)
    }
  })

  test('is rejected when it ends at any byte before its end', async () => {
    const end = body.lastIndexOf(`--${boundary}--`) + boundary.length + 4
    for (let at = 0; at < end; at++) {
      const parsed = await parseForm([body.subarray(0, at)], boundary)
      const inPreamble = !body.subarray(0, at).includes(`--${boundary}`)
      expect([at, parsed]).toEqual([at, { code: inPreamble ? 'malformed_multipart' : 'truncated' }])
    }
    // Only the line break after the close delimiter may be missing.
    for (let at = end; at < body.length; at++) {
      expect(await parseForm([body.subarray(0, at)], boundary)).toHaveProperty('files')
    }
  })
})

test.each(malformedForms)(
  'readForm() rejects %s with the same code for every segmentation',
  async (_, body, code) => {
    const bytes = Buffer.from(body)
    expect(await parseForm([bytes], 'b')).toEqual({ code })
    expect(tokenize(splitIntoBytes(bytes), 'b')).toBe(code)
    const step = Math.ceil(bytes.length / 100)
    for (let at = 1; at < bytes.length; at += step)
      expect(tokenize(splitAt(bytes, at), 'b')).toBe(code)
    expect(await parseForm(splitAt(bytes, bytes.length >> 1), 'b')).toEqual({ code })
  },
)

test('readForm() rejects a header that looks like a delimiter of the form', async () => {
  const body = `--a:b\r\nX: y\r\n--a:b\r\n${fileHeaders}y\r\n--a:b--\r\n`
  expect(await parseForm([Buffer.from(body)], 'a:b')).toEqual({ code: 'malformed_multipart' })
})

test('readForm() accepts a preamble and an epilogue of at most 1,024 bytes', async () => {
  const preamble = Buffer.from(`${'p'.repeat(1022)}\r\n`)
  const epilogue = Buffer.alloc(1024, 'e')
  const fits = [preamble.subarray(1), validForm, epilogue.subarray(2)]
  expect(await parseForm(fits, 'b')).toHaveProperty('files')
  expect(await parseForm([...fits, Buffer.from('e')], 'b')).toHaveProperty('code')
})

/** Parses a complete form without streaming. */
function parseComplete(body: Buffer, boundary: string): string[] {
  const text = `\r\n${body.toString('latin1')}`
  const [beforeClose = ''] = text.split(`\r\n--${boundary}--`)
  const parts = beforeClose.split(`\r\n--${boundary}\r\n`).slice(1)
  return parts.map((part) => part.slice(part.indexOf('\r\n\r\n') + 4))
}

function contentsOf(parsed: Extract<ParsedForm, { files: unknown }>): string[] {
  const fields = parsed.fields.map(([, value]) => Buffer.from(value).toString('latin1'))
  return [...fields, ...parsed.files.map(([, content]) => content)].toSorted()
}

test(
  `readForm() parses ${runs} mutated forms alike in any segmentation, and without loss (SEED=${seed})`,
  async () => {
    const random = createRandomInt(seed)
    let accepted = 0
    for (let round = 0; round < runs; round++) {
      const { boundary, body: bytes } = mutateForm(random)
      const text = JSON.stringify(bytes.toString('latin1'))
      const whole = await parseForm([bytes], boundary)
      const split = splitInThree(bytes, random)
      const differs = JSON.stringify(await parseForm(split, boundary)) !== JSON.stringify(whole)
      if (differs) {
        const lengths = split.map(({ length }) => length)
        throw new Error(`${text} parses differently in pieces of ${lengths.join(', ')}`)
      }
      if (
        round % 10 === 0 &&
        tokenize(splitIntoBytes(bytes), boundary) !== tokenize([bytes], boundary)
      ) {
        throw new Error(`${text} parses differently byte by byte`)
      }
      if ('code' in whole) continue
      accepted++
      // Fields that are not UTF-8 contain replacement characters and cannot be compared.
      const contents = parseComplete(bytes, boundary).toSorted()
      const comparable = !JSON.stringify(whole.fields).includes('\ufffd')
      if (comparable) expect([text, contentsOf(whole)]).toEqual([text, contents])
    }
    expect(accepted).toBeGreaterThan(runs / 20)
  },
  60_000 + runs,
)
