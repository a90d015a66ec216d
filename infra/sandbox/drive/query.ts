/**
 * The language of `q`: terms joined with `and` and `or`, negated with `not`, in parentheses.
 *
 * `and` and `or` bind equally and are read from left to right, as Drive reads them.
 *
 * @see Google Drive API, "Search for files and folders"
 */
import { invalidParameter } from './errors.ts'

/** One comparison of a query; `has` compares with a pair. */
export interface Term {
  name: string
  operator: string
  value: string | boolean | { key: string; value: string }
}

export type Query =
  | { and: [Query, Query] }
  | { or: [Query, Query] }
  | { not: Query }
  | { term: Term }

type Token = { kind: 'string' | 'word' | 'sign'; text: string }

const comparisons = new Set(['=', '!=', '<', '<=', '>', '>='])

/** @throws 400 for anything that the grammar does not have */
export function parseQuery(q: string): Query {
  const tokens = tokenize(q)
  let at = 0

  const next = (): Token => tokens[at++] ?? refuse()
  const isNext = (text: string): boolean =>
    tokens[at]?.text === text && tokens[at]?.kind !== 'string'
  const skip = (text: string): void => {
    if (!isNext(text)) refuse()
    at++
  }
  const string = (): string => {
    const token = next()
    return token.kind === 'string' ? token.text : refuse()
  }

  const expression = (): Query => {
    let left = negation()
    for (;;) {
      if (isNext('and')) {
        at++
        left = { and: [left, negation()] }
      } else if (isNext('or')) {
        at++
        left = { or: [left, negation()] }
      } else return left
    }
  }
  const negation = (): Query => {
    if (isNext('not')) {
      at++
      return { not: negation() }
    }
    if (isNext('(')) {
      at++
      const inside = expression()
      skip(')')
      return inside
    }
    return { term: term() }
  }
  const term = (): Term => {
    const first = next()
    if (first.kind === 'string') {
      skip('in')
      const collection = next()
      if (collection.kind !== 'word') refuse()
      return { name: collection.text, operator: 'in', value: first.text }
    }
    if (first.kind !== 'word') refuse()
    // The one term that may stand alone.
    if (first.text === 'sharedWithMe' && !isComparison(tokens[at])) {
      return { name: first.text, operator: '=', value: true }
    }
    const operator = next()
    if (operator.kind === 'word' && operator.text === 'has') {
      return { name: first.text, operator: 'has', value: pair() }
    }
    if (!isComparison(operator) && operator.text !== 'contains') refuse()
    if (operator.kind === 'string') refuse()
    const value = next()
    if (value.kind === 'string') {
      return { name: first.text, operator: operator.text, value: value.text }
    }
    if (value.text !== 'true' && value.text !== 'false') refuse()
    return { name: first.text, operator: operator.text, value: value.text === 'true' }
  }
  const pair = (): { key: string; value: string } => {
    skip('{')
    skip('key')
    skip('=')
    const key = string()
    skip('and')
    skip('value')
    skip('=')
    const value = string()
    skip('}')
    return { key, value }
  }

  const query = expression()
  if (at < tokens.length) refuse()
  return query
}

function tokenize(q: string): Token[] {
  const tokens: Token[] = []
  const pattern = /\s+|'((?:[^'\\]|\\['\\])*)'|([A-Za-z][\w.]*)|(!=|<=|>=|[=<>(){}])/y
  while (pattern.lastIndex < q.length) {
    const match = pattern.exec(q) ?? refuse()
    const [, quoted, word, sign] = match
    if (quoted !== undefined) {
      tokens.push({ kind: 'string', text: quoted.replace(/\\(['\\])/g, '$1') })
    } else if (word !== undefined) tokens.push({ kind: 'word', text: word })
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign })
  }
  return tokens
}

function isComparison(token: Token | undefined): boolean {
  return token?.kind === 'sign' && comparisons.has(token.text)
}

function refuse(): never {
  throw invalidParameter('q')
}
