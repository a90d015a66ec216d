/** The parameters of a header's value, `; a="b"; c=d`, where there is one way to read them. */

export interface Parameter {
  /** In lower case. */
  name: string
  /** As sent, the quotes around it taken off; what is escaped within them stays so. */
  value: string
  quoted: boolean
}

const parameter =
  /^[ \t]*;(?:[ \t]*([!#$&+.^_`|~\dA-Za-z*-]+)=(?:"((?:\\["\\]|\\(?!["\\])|[^"\\])*)"|([^\s";]*)))?/

/**
 * @param text what follows the value itself, from the first semicolon on
 * @returns all of them in order, also those that are there twice; nothing where any cannot be read
 * @see RFC 9110 section 5.6.6
 */
export function readParameters(text: string): Parameter[] | undefined {
  const found: Parameter[] = []
  let left = text
  while (left.trim() !== '') {
    const match = parameter.exec(left)
    if (!match) return undefined
    const [all, name, quoted, token = ''] = match
    if (name !== undefined) {
      found.push({
        name: name.toLowerCase(),
        value: quoted ?? token,
        quoted: quoted !== undefined,
      })
    }
    left = left.slice(all.length)
  }
  return found
}
