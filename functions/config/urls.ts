/** Addresses in settings: each of a kind that a deployed gateway may talk to or be called by. */

/** Whether an address, `host:port` or a URL, is on this machine. */
export function isLoopback(value: string): boolean {
  const text = value.includes('://') ? value : `http://${value}`
  if (!URL.canParse(text)) return false
  const { hostname } = new URL(text)
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname)
}

/** An origin and nothing more: https, or http on loopback. */
export function readOrigin(name: string, value: string, wrong: string[]): string {
  if (!value) return value
  const url = readUrl(value)
  if (!url || url.href !== `${url.origin}/` || url.hostname.includes('*')) {
    wrong.push(`${name} must be an origin such as https://example.web.app`)
    return value
  }
  return url.origin
}

/**
 * An origin, perhaps with a path: https, or http on loopback, where a sidecar is.
 *
 * @returns it without a slash at its end
 */
export function readEndpoint(
  name: string,
  value: string | undefined,
  wrong: string[],
): string | undefined {
  if (!value?.trim()) return undefined
  const url = readUrl(value.trim())
  if (!url || url.href !== `${url.origin}${url.pathname}`) {
    wrong.push(
      `${name} must be an address such as https://collector.example or http://localhost:4318`,
    )
    return undefined
  }
  return url.href.replace(/\/$/, '')
}

function readUrl(value: string): URL | undefined {
  const url = URL.canParse(value) ? new URL(value) : undefined
  const secure = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(value))
  return secure ? url : undefined
}
