const fieldName = /^[\w!#$%&'*+.^`|~-]+$/
/** Printable ASCII without space at either end: a value that cannot add a header. */
const fieldValue = /^[!-~]([\t -~]*[!-~])?$/
/** Headers of the request and the connection, which the exporter sets. */
const reservedFields =
  /^(content-.*|host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect)$/

/**
 * Parses `name=value` pairs that are separated by commas; values are percent-encoded. Error messages do
 * not quote the values, which may be secrets.
 *
 * @see OpenTelemetry, "Specifying headers via environment variables"
 */
export function parseOtlpHeaders(
  setting: string,
  value: string | undefined,
  problems: string[],
): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const entry of (value ?? '').split(',')) {
    if (entry.trim() === '') continue
    const [key = '', ...rest] = entry.split('=')
    const field = key.trim().toLowerCase()
    const content = decode(rest.join('=').trim())
    if (
      fieldName.test(field) &&
      !reservedFields.test(field) &&
      content !== undefined &&
      fieldValue.test(content)
    ) {
      headers[field] = content
    } else {
      problems.push(`${setting} must list headers such as api-key=…,tenant=…`)
    }
  }
  return headers
}

function decode(value: string): string | undefined {
  try {
    return decodeURIComponent(value)
  } catch {
    return undefined
  }
}
