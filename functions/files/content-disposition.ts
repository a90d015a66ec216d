/** Under which name a browser saves a file (RFC 6266), whatever the file is called in Drive. */

/** Nobody's file system takes names longer than 255 bytes; these have room for a `(1)`. */
const mostBytes = 240

/**
 * Always an attachment: what is in somebody's Drive is never shown as a page of ours.
 *
 * @param name any text; what could split a header, lead to another folder or turn letters around on
 *   the screen (`exe.gnp`) is taken out of it
 */
export function attachment(name: string): string {
  const safe = saveName(name)
  const ascii = safe.replace(/[^\x20-\x7e]|["%\\]/gu, '_')
  const encoded = encodeURIComponent(safe).replace(/['()*]/g, percent) // RFC 8187's attr-char
  return safe === ascii
    ? `attachment; filename="${ascii}"`
    : `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`
}

function saveName(name: string): string {
  const plain = name
    .replace(/[\0-\x1f\x7f-\x9f/\\\p{Surrogate}]/gu, '_')
    .replace(/[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, '')
    .trim()
  // A dot in front hides a file, and one or two alone are folders.
  return shorten(plain.replace(/^\.+/, '_').replace(/^$/, 'download'))
}

/** Cuts in the middle of nothing, and leaves the extension on. */
function shorten(name: string): string {
  if (Buffer.byteLength(name) <= mostBytes) return name
  const extension = /\.[^.\s]{1,16}$/u.exec(name)?.[0] ?? ''
  let stem = ''
  let left = mostBytes - Buffer.byteLength(extension)
  for (const character of name.slice(0, name.length - extension.length)) {
    left -= Buffer.byteLength(character)
    if (left < 0) break
    stem += character
  }
  return `${stem}${extension}`
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`
}
