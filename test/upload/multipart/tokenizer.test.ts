import { describe, expect, test } from '@jest/globals'
import { createFormGate } from '../../../functions/upload/multipart/tokenizer.ts'
import type { FormPart } from '../../../functions/upload/multipart/part-headers.ts'
import { GatewayError } from '../../../functions/errors.ts'
import { formLimits } from '../../../functions/upload/form.ts'
import { cutInThree, mutatedForm } from '../../kit/mutate-multipart.ts'
import type { Outcome } from '../../kit/multipart-fixtures.ts'
import {
  bytewise,
  cutAt,
  hostileForms,
  wholeForm,
  outcomeOf,
  recordedForms,
} from '../../kit/multipart-fixtures.ts'
import { createDice, seed } from '../../kit/random.ts'

const runs = Number(process.env['FORM_RUNS'] ?? 20_000)

/** What the gate alone makes of a form: all that it lets through, or the code it refuses with. */
function judge(pieces: readonly Buffer[], boundary: string): string {
  const parts: FormPart[] = []
  const through: Buffer[] = []
  const gate = createFormGate(boundary, formLimits, {
    part: (part) => void parts.push(part),
    content: (bytes) => void through.push(bytes),
    frame: (bytes) => void through.push(bytes),
  })
  try {
    for (const piece of pieces) gate.push(piece)
    gate.end()
  } catch (error) {
    if (error instanceof GatewayError) return error.code
    throw error
  }
  return JSON.stringify([parts, Buffer.concat(through).toString('latin1')])
}

const bare = 'Content-Disposition: form-data; name="file"; filename="x"\r\n\r\n'

describe.each(recordedForms)('the form of $sender', ({ boundary, body }) => {
  test('is one and the same however it is cut in two, and byte by byte', async () => {
    const whole = await outcomeOf([body], boundary)
    expect(whole).toHaveProperty('files')
    expect(await outcomeOf(bytewise(body), boundary)).toEqual(whole)
    for (let at = 1; at < body.length; at++) {
      expect(await outcomeOf(cutAt(body, at), boundary)).toEqual(whole)
    }
  })

  test('is refused when it ends early, at whatever byte (case 43)', async () => {
    const end = body.lastIndexOf(`--${boundary}--`) + boundary.length + 4
    for (let at = 0; at < end; at++) {
      const outcome = await outcomeOf([body.subarray(0, at)], boundary)
      const inPreamble = !body.subarray(0, at).includes(`--${boundary}`)
      expect([at, outcome]).toEqual([
        at,
        { code: inPreamble ? 'malformed_multipart' : 'truncated' },
      ])
    }
    // The line break behind the close delimiter is all that may be missing.
    for (let at = end; at < body.length; at++) {
      expect(await outcomeOf([body.subarray(0, at)], boundary)).toHaveProperty('files')
    }
  })
})

test.each(hostileForms)(
  '%s: refused, with one code for every segmentation',
  async (_, body, code) => {
    const bytes = Buffer.from(body)
    expect(await outcomeOf([bytes], 'b')).toEqual({ code })
    expect(judge(bytewise(bytes), 'b')).toBe(code)
    const step = Math.ceil(bytes.length / 100)
    for (let at = 1; at < bytes.length; at += step) expect(judge(cutAt(bytes, at), 'b')).toBe(code)
    expect(await outcomeOf(cutAt(bytes, bytes.length >> 1), 'b')).toEqual({ code })
  },
)

test('a header that looks like a delimiter of this form joins no two parts (case 46)', async () => {
  const body = `--a:b\r\nX: y\r\n--a:b\r\n${bare}y\r\n--a:b--\r\n`
  expect(await outcomeOf([Buffer.from(body)], 'a:b')).toEqual({ code: 'malformed_multipart' })
})

test('what may surround a form may be 1,024 bytes long and no more (case 45)', async () => {
  const around = Buffer.from(`${'p'.repeat(1022)}\r\n`)
  const epilogue = Buffer.alloc(1024, 'e')
  const fits = [around.subarray(1), wholeForm, epilogue.subarray(2)]
  expect(await outcomeOf(fits, 'b')).toHaveProperty('files')
  expect(await outcomeOf([...fits, Buffer.from('e')], 'b')).toHaveProperty('code')
})

/** A form as somebody would read it who knows nothing of streams. */
function readWhole(body: Buffer, boundary: string): string[] {
  const text = `\r\n${body.toString('latin1')}`
  const [form_ = ''] = text.split(`\r\n--${boundary}--`)
  const parts = form_.split(`\r\n--${boundary}\r\n`).slice(1)
  return parts.map((part) => part.slice(part.indexOf('\r\n\r\n') + 4))
}

function contentsOf(outcome: Extract<Outcome, { files: unknown }>): string[] {
  const fields = outcome.fields.map(([, value]) => Buffer.from(value).toString('latin1'))
  return [...fields, ...outcome.files.map(([, content]) => content)].toSorted()
}

test(
  `${runs} mutated forms have one outcome each, and hold what they say (SEED=${seed})`,
  async () => {
    const random = createDice(seed)
    let accepted = 0
    for (let round = 0; round < runs; round++) {
      const { boundary, body: bytes } = mutatedForm(random)
      const told = JSON.stringify(bytes.toString('latin1'))
      const whole = await outcomeOf([bytes], boundary)
      const split = cutInThree(bytes, random)
      const differs = JSON.stringify(await outcomeOf(split, boundary)) !== JSON.stringify(whole)
      if (differs) {
        const lengths = split.map(({ length }) => length)
        throw new Error(`${told} differs when it comes as ${lengths.join(', ')}`)
      }
      if (round % 10 === 0 && judge(bytewise(bytes), boundary) !== judge([bytes], boundary)) {
        throw new Error(`${told} differs byte by byte`)
      }
      if ('code' in whole) continue
      accepted++
      // Fields that are no UTF-8 come out as such; what was in them cannot be compared.
      const contents = readWhole(bytes, boundary).toSorted()
      const comparable = !JSON.stringify(whole.fields).includes('\ufffd')
      if (comparable) expect([told, contentsOf(whole)]).toEqual([told, contents])
    }
    expect(accepted).toBeGreaterThan(runs / 20)
  },
  60_000 + runs,
)
