/** Parses the parameters of a header value, `; a="b"; c=d`, and rejects ambiguous ones. */

export interface Parameter {
  /** In lower case. */
  name: string
  /** As sent, without the quotes around it; escapes within them are kept. */
  value: string
  quoted: boolean
}

const parameterPattern =
  /^[ \t]*;(?:[ \t]*([!#$&+.^_`|~\dA-Za-z*-]+)=(?:"((?:\\["\\]|\\(?!["\\])|[^"\\])*)"|([^\s";]*)))?/

/**
 * Parses parameters.
 *
 * @param text the header value from its first semicolon on
 * @returns all parameters in order, duplicates included; `undefined` when one is malformed
 * @see RFC 9110 section 5.6.6
 */
export function readParameters(text: string): Parameter[] | undefined {
  const parameters: Parameter[] = []
  let remaining = text
  while (remaining.trim() !== '') {
    const match = parameterPattern.exec(remaining)
    if (!match) return undefined
    const [all, name, quoted, token = ''] = match
    if (name !== undefined) {
      parameters.push({
        name: name.toLowerCase(),
        value: quoted ?? token,
        quoted: quoted !== undefined,
      })
    }
    remaining = remaining.slice(all.length)
  }
  return parameters
}
