/** Mutates recorded forms at random. */
import { recordedForms, validForm } from './multipart-fixtures.ts'

type RandomBelow = (below: number) => number

/** Tokens of the multipart syntax. */
const tokens = [
  '\r\n',
  '--',
  '\r',
  '\n',
  '\r\n\r\n',
  '"',
  ';',
  ':',
  ' ',
  '\\',
  '%22',
  '\0',
  'filename="y"',
  'name=',
  '=',
  'é',
]

/** Returns a recorded form with one to three random changes. */
export function mutateForm(random: RandomBelow): { boundary: string; body: Buffer } {
  const { boundary, body } = recordedForms[random(recordedForms.length)] ?? {
    boundary: '',
    body: validForm,
  }
  let bytes = body
  for (let change = random(3); change >= 0; change--) {
    const at = random(bytes.length)
    const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)]
    const token =
      [...tokens, `\r\n--${boundary}`, `--${boundary}--\r\n`][random(tokens.length + 2)] ?? ''
    const end = Math.min(bytes.length, at + random(40))
    const kinds = [
      () => Buffer.concat([before, Buffer.from(token), after]),
      () => Buffer.concat([before, Buffer.from(token), after.subarray(token.length)]),
      () => Buffer.concat([before, bytes.subarray(end)]),
      () => Buffer.concat([before, bytes.subarray(at, end), after]),
      () => Buffer.concat([before, Buffer.from([random(256)]), after.subarray(1)]),
    ]
    bytes = kinds[random(kinds.length)]?.() ?? bytes
    if (bytes.length === 0) bytes = body
  }
  return { boundary, body: bytes }
}

/** Splits bytes into three pieces at random. */
export function splitInThree(bytes: Buffer, random: RandomBelow): Buffer[] {
  const [first, second] = [random(bytes.length), random(bytes.length)].toSorted((a, b) => a - b)
  return [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)]
}
