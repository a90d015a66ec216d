/** Reads composite literals of Go source: enough for the schemas of a Terraform provider. */
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Reads a package as one text without comments. */
export async function readGo(folder) {
  const names = (await readdir(folder)).filter(
    (name) => name.endsWith('.go') && !name.endsWith('_test.go'),
  )
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))
  const text = texts.map(withoutComments).join('\n')
  return {
    text,
    /** @returns the body of a function, from its opening brace */
    function(name) {
      const start = new RegExp(`\\nfunc ${name}\\(`).exec(text)
      if (!start) throw new Error(`No function ${name}`)
      return text.slice(start.index, text.indexOf('\n}\n', start.index) + 2)
    },
    /** @returns what is between the braces after a match */
    literalAfter,
    /** Replaces a call or a variable by the literal that it stands for. */
    resolve(expression) {
      const source = (expression ?? '').trim()
      if (source.startsWith('{') || source.startsWith('&')) return inBraces(source)
      if (source.startsWith('tpgresource.DeletionPolicySchemaEntry')) {
        return 'Type: schema.TypeString, Optional: true'
      }
      const [, called] = /^(\w+)\(.*\)$/s.exec(source) ?? []
      if (called !== undefined) {
        return literalAfter(this.function(called), /return &schema\.(?:Schema|Resource)/)
      }
      const pattern = new RegExp(
        `\\b${source} (?:\\*schema\\.\\w+ )?:?= &schema\\.(?:Schema|Resource)`,
      )
      if (/^\w+$/.test(source) && pattern.test(text)) return literalAfter(text, pattern)
      return source
    },
  }
}

function literalAfter(source, pattern) {
  const match = pattern.exec(source)
  if (!match) throw new Error(`No ${pattern} in ${source.slice(0, 200)}`)
  return inBraces(source.slice(match.index + match[0].length))
}

function inBraces(source) {
  const start = source.indexOf('{')
  return source.slice(start + 1, closing(source, start))
}

/** @returns the index of the bracket that closes the one at `start` */
function closing(source, start) {
  let depth = 0
  for (let index = start; index < source.length; index += 1) {
    const char = source[index]
    if (char === '"' || char === '`' || char === "'") index = endOfString(source, index)
    else if ('{[('.includes(char)) depth += 1
    else if ('}])'.includes(char)) depth -= 1
    if (depth === 0) return index
  }
  throw new Error(`Not closed: ${source.slice(start, start + 80)}`)
}

function endOfString(source, start) {
  const quote = source[start]
  let index = start + 1
  while (source[index] !== quote) index += source[index] === '\\' && quote !== '`' ? 2 : 1
  return index
}

function withoutComments(source) {
  let text = ''
  for (let index = 0; index < source.length; index += 1) {
    const char = source[index]
    if (char === '"' || char === '`' || char === "'") {
      const end = endOfString(source, index)
      text += source.slice(index, end + 1)
      index = end
    } else if (source.startsWith('//', index)) index = source.indexOf('\n', index) - 1
    else if (source.startsWith('/*', index)) index = source.indexOf('*/', index) + 1
    else text += char
  }
  return text
}

/** Splits what is between braces at the commas of the outermost level. */
function split(inner) {
  const parts = []
  let start = 0
  for (let index = 0; index < inner.length; index += 1) {
    const char = inner[index]
    if (char === '"' || char === '`' || char === "'") index = endOfString(inner, index)
    else if ('{[('.includes(char)) index = closing(inner, index)
    else if (char === ',') {
      parts.push(inner.slice(start, index))
      start = index + 1
    }
  }
  return [...parts, inner.slice(start)].map((part) => part.trim()).filter((part) => part !== '')
}

/** @returns the source of each value of a map literal, by its key */
export function parseFields(literal) {
  const inner = literal.startsWith('map[') || literal.startsWith('&') ? inBraces(literal) : literal
  return Object.fromEntries(
    split(inner).map((part) => {
      const [, key, value] = /^"?(\w+)"?:\s*(.*)$/s.exec(part) ?? []
      if (key === undefined) throw new Error(`Cannot read ${part.slice(0, 80)}`)
      return [key, value]
    }),
  )
}

/** @returns the source of one field of a struct literal */
export function field(literal, name) {
  const inner = literal.startsWith('{') || literal.startsWith('&') ? inBraces(literal) : literal
  for (const part of split(inner)) {
    const [, key, value] = /^(\w+):\s*(.*)$/s.exec(part) ?? []
    if (key === name) return value
  }
  return undefined
}

export function stringsIn(source) {
  return [...source.matchAll(/"([^"]*)"/g)].map(([, value]) => value)
}
