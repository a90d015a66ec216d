/** Header fields in a setting, as OpenTelemetry's own settings have them. */

const name = /^[\w!#$%&'*+.^`|~-]+$/
/** What can stand in a field without being more than one: printable ASCII, and no space around it. */
const text = /^[!-~]([\t -~]*[!-~])?$/
/** What the request itself says, or the connection. */
const ours = /^(content-.*|host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect)$/

/**
 * `name=value` with commas between, a value being percent-encoded where it has to be. Values may be
 * secret, and are in no message.
 *
 * @see OpenTelemetry, "Specifying headers via environment variables"
 */
export function readHeaders(
  setting: string,
  value: string | undefined,
  wrong: string[],
): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const entry of (value ?? '').split(',')) {
    if (entry.trim() === '') continue
    const [key = '', ...rest] = entry.split('=')
    const field = key.trim().toLowerCase()
    const content = decoded(rest.join('=').trim())
    if (name.test(field) && !ours.test(field) && content !== undefined && text.test(content)) {
      headers[field] = content
    } else {
      wrong.push(`${setting} must list headers such as api-key=…,tenant=…`)
    }
  }
  return headers
}

function decoded(value: string): string | undefined {
  try {
    return decodeURIComponent(value)
  } catch {
    return undefined
  }
}
