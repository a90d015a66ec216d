/** Open-redirect protection for the URL after a sign-in. */

/**
 * Validates `return_to`: a path of this origin, or a URL of an allowed origin. Any other value
 * results in the home page.
 *
 * @returns an absolute URL, as the browser will parse it
 * @see RFC 9700 §4.11 Open Redirection
 */
export function readReturnTo(
  value: string | null,
  publicUrl: string,
  allowedOrigins: readonly string[],
): string {
  const home = `${publicUrl}/`
  // Browsers remove some control characters from URLs and treat a backslash as a slash.
  if (!value || value.length > 2048 || /[\0-\x20\x7f-\x9f\\]/.test(value)) return home
  const isPath = value.startsWith('/') && !value.startsWith('//')
  if (!isPath && !/^https?:\/\/[^/]/i.test(value)) return home
  if (!URL.canParse(value, publicUrl)) return home
  const url = new URL(value, publicUrl)
  const isAllowed = url.origin === publicUrl || allowedOrigins.includes(url.origin)
  // A careless parser takes the normalised form of `/.//evil.example` for a host.
  if (!isAllowed || url.username || url.password || url.pathname.startsWith('//')) return home
  return url.href
}
