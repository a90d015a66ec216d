/** Reads the file name of a part, in each of the encodings that clients use. */
import { isSameName } from '../../drive/files/names.ts'
import { GatewayError } from '../../errors.ts'
import { decodeText } from './decode-text.ts'

/**
 * Returns the file name of `filename` or `filename*`.
 *
 * @param params of the Content-Disposition, by their names in lower case
 * @returns `undefined` for a part without a file name
 * @throws {GatewayError} `invalid_filename` for a malformed `filename*`, `ambiguous_part` when the two
 *   are different names
 */
export function readFilename(params: ReadonlyMap<string, string>): string | undefined {
  const plain = params.get('filename')
  const extended = params.get('filename*')
  if ([...params.keys()].some((name) => /^filename\*./.test(name))) {
    throw invalidFilename('The file name is split into several parameters. Send one.')
  }
  if (extended === undefined) return plain === undefined ? undefined : decodePlain(plain)
  const name = decodeExtendedValue(extended)
  if (name === undefined) {
    throw invalidFilename("filename* is malformed. Write it like filename*=UTF-8''caf%C3%A9.txt.")
  }
  if (plain !== undefined && !isFallbackOf(plain, name)) {
    throw new GatewayError('ambiguous_part', 'A part has a filename and a filename* that differ', {
      detail: 'A part has a filename and a filename* that differ. Send one of them.',
    })
  }
  return name
}

/**
 * Decodes `filename`: percent-encoded as aiohttp and needle do, RFC 2047 words as .NET does, or as
 * browsers escape it (`%22`, `%0D`, `%0A`).
 */
function decodePlain(text: string): string {
  const isPercentEncoded = /%[89a-f]/i.test(text) && /^(?:%[\da-f]{2}|[\w.!~*'()-])+$/i.test(text)
  return (
    (isPercentEncoded ? decodePercent(text) : undefined) ??
    decodeWords(text) ??
    text.replaceAll(/%22/g, '"').replaceAll(/%0d/gi, '\r').replaceAll(/%0a/gi, '\n')
  )
}

/** @returns `undefined` for a malformed escape, and for bytes that are not UTF-8 */
function decodePercent(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** Decodes a value such as `UTF-8'en'caf%C3%A9`. @see RFC 8187, RFC 5987 */
function decodeExtendedValue(value: string): string | undefined {
  const [, charset, escaped] =
    /^(utf-8|iso-8859-1)'[\w-]*'((?:%[\da-f]{2}|[\w.!~*'()#$&+^`|-])+)$/i.exec(value) ?? []
  if (charset === undefined || escaped === undefined) return undefined
  return decodeText(charset, fromEscapes(escaped, '%'))
}

const word = String.raw`=\?([\w-]+)(?:\*[\w-]+)?\?([bq])\?([!->@-~]*)\?=`
const words = new RegExp(`^(?:${word}[ \t]*)+$`, 'i')

/**
 * Decodes a text that consists of encoded words alone, such as `=?utf-8?B?Y2Fmw6k=?=`.
 *
 * @returns `undefined` for any other text
 * @see RFC 2047
 */
function decodeWords(text: string): string | undefined {
  if (!words.test(text)) return undefined
  const decoded = Array.from(
    text.matchAll(new RegExp(word, 'gi')),
    ([, charset = '', encoding = '', data = '']) => {
      const isBase64 = encoding.toLowerCase() === 'b'
      const bytes = isBase64
        ? Buffer.from(data, 'base64')
        : fromEscapes(data.replaceAll('_', ' '), '=')
      return decodeText(charset, bytes)
    },
  )
  return decoded.includes(undefined) ? undefined : decoded.join('')
}

/** @param text ASCII, in which an escape is followed by two hexadecimal digits */
function fromEscapes(text: string, escape: '%' | '='): Buffer {
  const pattern = new RegExp(`${escape}([\\da-f]{2})`, 'gi')
  const bytes = text.replaceAll(pattern, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1')
}

/** Whether `filename` is another encoding of the name in `filename*`, or its ASCII shadow. */
function isFallbackOf(plain: string, name: string): boolean {
  const readings = [plain, decodePlain(plain), decodePercent(plain)]
  return (
    readings.some((reading) => reading !== undefined && isSameName(reading, name)) ||
    isAsciiShadow(plain, name)
  )
}

/**
 * Whether an ASCII text is what remains of a name: characters outside of ASCII are left out, replaced
 * by `?`, `_` or `-`, or reduced to their base letters.
 */
function isAsciiShadow(plain: string, name: string): boolean {
  const remainders = [name, name.normalize('NFKD')].map(asciiRemainder)
  return isAscii(plain) && !isAscii(name) && remainders.includes(asciiRemainder(plain))
}

const isAscii = (text: string): boolean => /^[ -~]*$/.test(text)

const asciiRemainder = (text: string): string => text.replaceAll(/[^ -~]|["?\\_-]/g, '')

function invalidFilename(detail: string): GatewayError {
  return new GatewayError('invalid_filename', 'The file name of a part is malformed', { detail })
}
