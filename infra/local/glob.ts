/**
 * Globs of `firebase.json`: extended globs that match a whole path.
 *
 * @see Firebase Hosting, "Configure Hosting behavior": glob pattern matching
 */

/**
 * Compiles a glob. `**` matches slashes, `*` and `?` do not; `{a,b}` and `@(a|b)` are alternatives,
 * `!(a|b)` is any other single segment.
 *
 * @throws {Error} on any other glob syntax, which would be matched wrongly
 */
export function compileGlob(glob: string): (path: string) => boolean {
  const absolute = glob.startsWith('/') || glob.startsWith('**') ? glob : `/${glob}`
  const pattern = new RegExp(`^${translate(absolute, glob)}$`, 's')
  return (path) => pattern.test(path)
}

const simple: Record<string, string> = { '*': '[^/]*', '?': '[^/]' }

function translate(text: string, glob: string): string {
  let pattern = ''
  for (let at = 0; at < text.length;) {
    const rest = text.slice(at)
    const group = /^(?:([@!])\(|\{)/.exec(rest)
    if (rest.startsWith('**/')) {
      pattern += '(?:.*/)?'
      at += 3
    } else if (rest.startsWith('/**/')) {
      pattern += '/(?:.*/)?'
      at += 4
    } else if (rest.startsWith('**')) {
      pattern += '.*'
      at += 2
    } else if (group) {
      const { alternatives, length } = readGroup(rest, group[0].length, glob)
      const union = alternatives.map((part) => translate(part, glob)).join('|')
      pattern += group[1] === '!' ? `(?!(?:${union})(?:/|$))[^/]+` : `(?:${union})`
      at += length
    } else if (/^(?:[+*?]\(|[[\]}()\\])/.test(rest)) {
      throw new Error(`Cannot read the glob "${glob}" at "${rest}"`)
    } else {
      const character = rest.charAt(0)
      pattern += simple[character] ?? character.replace(/[.^$|+]/, String.raw`\$&`)
      at += 1
    }
  }
  return pattern
}

/** Returns the alternatives of the group at the start of `text`, and the length of the group. */
function readGroup(
  text: string,
  opening: number,
  glob: string,
): { alternatives: string[]; length: number } {
  const [close, comma] = text.startsWith('{') ? ['}', ','] : [')', '|']
  const alternatives: string[] = ['']
  let depth = 0
  for (let at = opening; at < text.length; at += 1) {
    const character = text.charAt(at)
    if (depth === 0 && character === close) return { alternatives, length: at + 1 }
    if (/[({]/.test(character)) depth += 1
    if (/[)}]/.test(character)) depth -= 1
    if (depth === 0 && character === comma) alternatives.push('')
    else alternatives[alternatives.length - 1] += character
  }
  throw new Error(`Cannot read the glob "${glob}": a group is not closed`)
}
