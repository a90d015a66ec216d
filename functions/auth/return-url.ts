/** Where a browser may be sent after a sign-in. */

/**
 * @param value a path here, or an address on an allow-listed origin; whatever else it is, the
 *   answer is the front page
 * @returns an absolute URL, judged as the browser will read it
 * @see RFC 9700 section 4.11
 */
export function readReturnTo(
  value: string | null,
  publicUrl: string,
  allowedOrigins: readonly string[],
): string {
  const home = `${publicUrl}/`
  // Browsers drop some control characters from URLs and take a backslash for a slash.
  if (!value || value.length > 2048 || /[\0-\x20\x7f-\x9f\\]/.test(value)) return home
  const isPath = value.startsWith('/') && !value.startsWith('//')
  if (!isPath && !/^https?:\/\/[^/]/i.test(value)) return home
  if (!URL.canParse(value, publicUrl)) return home
  const url = new URL(value, publicUrl)
  const isKnown = url.origin === publicUrl || allowedOrigins.includes(url.origin)
  // Not even here: `/.//elsewhere` is a path whose tidied form names a host to careless readers.
  if (!isKnown || url.username || url.password || url.pathname.startsWith('//')) return home
  return url.href
}
