/** Parses the parameters of a header value, `; a="b"; c=d`, and rejects ambiguous ones. */

export interface Parameter {
  /** In lower case. */
  name: string
  /** Without the quotes around it and the backslashes that escape within them. */
  value: string
}

/** A quoted string with escapes. @see RFC 9110 section 5.6.4 */
const escapedString = String.raw`"((?:\\[^]|[^"\\])*)"`
/** A quoted string of a browser, which percent-encodes quotes and leaves backslashes alone. */
const literalString = '"([^"]*)"'

const parameterPattern = (quotedString: string): RegExp =>
  new RegExp(
    String.raw`^[ \t]*;(?:[ \t]*([!#$&+.^_${'`'}|~\dA-Za-z*-]+)=(?:${quotedString}|([^\s";]*)))?`,
  )
const escapedParameter = parameterPattern(escapedString)
const literalParameter = parameterPattern(literalString)

/**
 * Parses parameters.
 *
 * @param text the header value from its first semicolon on
 * @returns all parameters in order, duplicates included; `undefined` when one is malformed
 * @see RFC 9110 section 5.6.6
 */
export function readParameters(text: string): Parameter[] | undefined {
  return parse(text, escapedParameter, unescape)
}

/**
 * Parses the parameters of a form's part. Where a backslash before a quote cannot be an escape, as in
 * `filename="a\"`, a browser has sent a name that ends in a backslash.
 *
 * @see WHATWG HTML, "multipart/form-data encoding algorithm"
 */
export function readPartParameters(text: string): Parameter[] | undefined {
  return readParameters(text) ?? parse(text, literalParameter, (value) => value)
}

function parse(
  text: string,
  pattern: RegExp,
  decode: (quoted: string) => string,
): Parameter[] | undefined {
  const parameters: Parameter[] = []
  let remaining = text
  while (remaining.trim() !== '') {
    const match = pattern.exec(remaining)
    if (!match) return undefined
    const [all, name, quoted, token = ''] = match
    if (name !== undefined) {
      const value = quoted === undefined ? token : decode(quoted)
      parameters.push({ name: name.toLowerCase(), value })
    }
    remaining = remaining.slice(all.length)
  }
  return parameters
}

/** Some clients escape quotes alone; a backslash that escapes nothing shows that they do. */
function unescape(quoted: string): string {
  const escapesBackslashes = /^(?:[^\\]|\\["\\])*$/.test(quoted)
  return quoted.replaceAll(escapesBackslashes ? /\\(["\\])/g : /\\(")/g, '$1')
}
