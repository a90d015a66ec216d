/**
 * The parser of `q`: terms joined by `and` and `or`, negated by `not`, in parentheses.
 *
 * `and` and `or` have the same precedence and associate to the left, as in Drive.
 *
 * @see Google Drive API, "Search for files and folders"
 */
import { invalidParameter } from './errors.ts'

/** One comparison of a query; the value of `has` is a key-value pair. */
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

/** Terms that need no operator: alone, they mean `= true`. */
const bareTerms = new Set(['sharedWithMe', 'starred', 'trashed'])
const comparisons = new Set(['=', '!=', '<', '<=', '>', '>='])

/** @throws 400 for a syntax error */
export function parseQuery(q: string): Query {
  const tokens = tokenize(q)
  let position = 0

  const next = (): Token => tokens[position++] ?? invalidQuery()
  const isNext = (text: string): boolean =>
    tokens[position]?.text === text && tokens[position]?.kind !== 'string'
  const skip = (text: string): void => {
    if (!isNext(text)) invalidQuery()
    position++
  }
  const string = (): string => {
    const token = next()
    return token.kind === 'string' ? token.text : invalidQuery()
  }

  const expression = (): Query => {
    let left = negation()
    for (;;) {
      if (isNext('and')) {
        position++
        left = { and: [left, negation()] }
      } else if (isNext('or')) {
        position++
        left = { or: [left, negation()] }
      } else return left
    }
  }
  const negation = (): Query => {
    if (isNext('not')) {
      position++
      return { not: negation() }
    }
    if (isNext('(')) {
      position++
      const inner = expression()
      skip(')')
      return inner
    }
    return { term: term() }
  }
  const term = (): Term => {
    const first = next()
    if (first.kind === 'string') {
      skip('in')
      const collection = next()
      if (collection.kind !== 'word') invalidQuery()
      return { name: collection.text, operator: 'in', value: first.text }
    }
    if (first.kind !== 'word') invalidQuery()
    if (bareTerms.has(first.text) && !isComparison(tokens[position])) {
      return { name: first.text, operator: '=', value: true }
    }
    const operator = next()
    if (operator.kind === 'word' && operator.text === 'has') {
      return { name: first.text, operator: 'has', value: pair() }
    }
    if (!isComparison(operator) && operator.text !== 'contains') invalidQuery()
    if (operator.kind === 'string') invalidQuery()
    const value = next()
    if (value.kind === 'string') {
      return { name: first.text, operator: operator.text, value: value.text }
    }
    if (value.text !== 'true' && value.text !== 'false') invalidQuery()
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
  if (position < tokens.length) invalidQuery()
  return query
}

function tokenize(q: string): Token[] {
  const tokens: Token[] = []
  const pattern =
    /\s+|'((?:[^'\\]|\\['"\\])*)'|"((?:[^"\\]|\\['"\\])*)"|([A-Za-z][\w.]*)|(!=|<=|>=|[=<>(){}])/y
  while (pattern.lastIndex < q.length) {
    const match = pattern.exec(q) ?? invalidQuery()
    const [, single, double, word, sign] = match
    const quoted = single ?? double
    if (quoted !== undefined) {
      tokens.push({ kind: 'string', text: quoted.replace(/\\(['"\\])/g, '$1') })
    } else if (word !== undefined) tokens.push({ kind: 'word', text: word })
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign })
  }
  return tokens
}

function isComparison(token: Token | undefined): boolean {
  return token?.kind === 'sign' && comparisons.has(token.text)
}

function invalidQuery(): never {
  throw invalidParameter('q')
}
