/** URLs and origins in settings. */

/** Whether a `host:port` or a URL is on this machine. */
export function isLoopback(value: string): boolean {
  const text = value.includes('://') ? value : `http://${value}`
  if (!URL.canParse(text)) return false
  const { hostname } = new URL(text)
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname)
}

/** Parses an origin without path: https, or http on loopback. */
export function parseOrigin(name: string, value: string, problems: string[]): string {
  if (!value) return value
  const url = parseSecureUrl(value)
  if (!url || url.href !== `${url.origin}/` || url.hostname.includes('*')) {
    problems.push(`${name} must be an origin such as https://example.web.app`)
    return value
  }
  return url.origin
}

/**
 * Parses a URL without query: https, or http on loopback for a sidecar.
 *
 * @returns the URL without a trailing slash
 */
export function parseEndpoint(
  name: string,
  value: string | undefined,
  problems: string[],
): string | undefined {
  if (!value?.trim()) return undefined
  const url = parseSecureUrl(value.trim())
  if (!url || url.href !== `${url.origin}${url.pathname}`) {
    problems.push(
      `${name} must be a URL such as https://collector.example or http://localhost:4318`,
    )
    return undefined
  }
  return url.href.replace(/\/$/, '')
}

/**
 * Parses the URL of a page, without query and fragment.
 *
 * @param origins the origins that it may have
 * @returns the origin and the path as browsers parse them
 */
export function parsePageUrl(
  name: string,
  value: string,
  origins: readonly string[],
  problems: string[],
): string {
  const url = parseSecureUrl(value)
  if (!url || url.href !== `${url.origin}${url.pathname}` || url.hostname.includes('*')) {
    problems.push(`${name} must list URLs such as https://www.example.com/photos`)
    return value
  }
  if (!origins.includes(url.origin)) {
    problems.push(`${name} has a URL on ${url.origin}, which is not in ALLOWED_ORIGINS`)
  }
  return url.href
}

function parseSecureUrl(value: string): URL | undefined {
  const url = URL.canParse(value) ? new URL(value) : undefined
  const isSecure = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(value))
  return isSecure ? url : undefined
}
