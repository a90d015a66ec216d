/**
 * Decodes bytes in a charset.
 *
 * @param charset a label such as `utf-8`, in any case
 * @returns `undefined` for an unknown charset, and for bytes that are not text in it
 * @see WHATWG Encoding, "Names and labels"
 */
export function decodeText(charset: string, bytes: Buffer): string | undefined {
  // The Encoding standard reads this label as windows-1252, and releases of Node differ in that.
  if (/^iso-8859-1$/i.test(charset)) return bytes.toString('latin1')
  try {
    return new TextDecoder(charset, { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}
