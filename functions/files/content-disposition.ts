/** The longest name of common file systems is 255 bytes; the rest is for a suffix such as `(1)`. */
const maxNameBytes = 240

/**
 * Creates a Content-Disposition that saves a file under its sanitized name. It is always an
 * attachment, so that a browser never renders a file as a page of this origin.
 *
 * @param name any text; control characters, slashes and bidirectional controls (`exe.gnp`) are removed
 *   or replaced
 * @see RFC 6266, RFC 8187
 */
export function attachment(name: string): string {
  const safe = sanitizeName(name)
  const ascii = safe.replace(/[^\x20-\x7e]|["%\\]/gu, '_')
  const encoded = encodeURIComponent(safe).replace(/['()*]/g, percentEncode)
  return safe === ascii
    ? `attachment; filename="${ascii}"`
    : `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`
}

function sanitizeName(name: string): string {
  const plain = name
    .replace(/[\0-\x1f\x7f-\x9f/\\\p{Surrogate}]/gu, '_')
    .replace(/[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, '')
    .trim()
  // A leading dot hides a file, and . and .. are folders.
  return truncateName(plain.replace(/^\.+/, '_').replace(/^$/, 'download'))
}

/** Shortens a name at a character boundary and keeps its extension. */
function truncateName(name: string): string {
  if (Buffer.byteLength(name) <= maxNameBytes) return name
  const extension = /\.[^.\s]{1,16}$/u.exec(name)?.[0] ?? ''
  let stem = ''
  let bytesLeft = maxNameBytes - Buffer.byteLength(extension)
  for (const character of name.slice(0, name.length - extension.length)) {
    bytesLeft -= Buffer.byteLength(character)
    if (bytesLeft < 0) break
    stem += character
  }
  return `${stem}${extension}`
}

/** Encodes the characters that RFC 8187's attr-char excludes and `encodeURIComponent` keeps. */
function percentEncode(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`
}
