/**
 * The globs of `firebase.json`: extended globs over a whole path.
 *
 * @see Firebase Hosting, "Configure Hosting behavior": glob pattern matching
 */

/**
 * `**` crosses slashes, `*` and `?` do not; `{a,b}` and `@(a|b)` choose, `!(a|b)` is any one
 * segment but those.
 *
 * @throws {Error} on anything else that means something in a glob: better than another meaning
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
      const { inside, length } = readGroup(rest, group[0].length, glob)
      const either = inside.map((part) => translate(part, glob)).join('|')
      pattern += group[1] === '!' ? `(?!(?:${either})(?:/|$))[^/]+` : `(?:${either})`
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

/** The alternatives of a group that `text` begins with, and how long all of it is. */
function readGroup(
  text: string,
  opening: number,
  glob: string,
): { inside: string[]; length: number } {
  const [close, comma] = text.startsWith('{') ? ['}', ','] : [')', '|']
  const inside: string[] = ['']
  let depth = 0
  for (let at = opening; at < text.length; at += 1) {
    const character = text.charAt(at)
    if (depth === 0 && character === close) return { inside, length: at + 1 }
    if (/[({]/.test(character)) depth += 1
    if (/[)}]/.test(character)) depth -= 1
    if (depth === 0 && character === comma) inside.push('')
    else inside[inside.length - 1] += character
  }
  throw new Error(`Cannot read the glob "${glob}": a group does not end`)
}
