/** Evaluates the terms of a query on a file. */
import type { Caller } from './auth-context.ts'
import { roleOf, canReadMetadata } from './auth-context.ts'
import { fileNotFound, invalidParameter } from './errors.ts'
import type { Query, Term } from './query.ts'
import type { Item, Tree } from './tree.ts'
import { viewedTime } from './tree.ts'

export type ItemPredicate = (item: Item) => boolean

type SearchContext = { tree: Tree; caller: Caller }
type TermMatcher = { operators: string[]; test(term: Term, context: SearchContext): ItemPredicate }

const equality = ['=', '!=']
const order = ['<=', '<', '=', '!=', '>', '>=']

/**
 * Compiles a query to a predicate.
 *
 * @throws 400 for an unsupported combination of term, operator and value; 404 for an inaccessible parent
 */
export function createSearch(query: Query, context: SearchContext): ItemPredicate {
  if ('and' in query) {
    const [left, right] = query.and.map((part) => createSearch(part, context))
    return (item) => left!(item) && right!(item)
  }
  if ('or' in query) {
    const [left, right] = query.or.map((part) => createSearch(part, context))
    return (item) => left!(item) || right!(item)
  }
  if ('not' in query) {
    const inner = createSearch(query.not, context)
    return (item) => !inner(item)
  }
  const { term } = query
  const matcher = Object.hasOwn(termMatchers, term.name) ? termMatchers[term.name] : undefined
  return matcher?.operators.includes(term.operator) ? matcher.test(term, context) : invalidQuery()
}

/** Whether a query contains a full-text term, which excludes `orderBy`. */
export function isFullText(query: Query): boolean {
  if ('and' in query) return query.and.some(isFullText)
  if ('or' in query) return query.or.some(isFullText)
  if ('not' in query) return isFullText(query.not)
  return query.term.name === 'fullText'
}

const termMatchers: Record<string, TermMatcher> = {
  name: {
    operators: ['contains', ...equality],
    test(term) {
      const expected = text(term)
      if (term.operator === 'contains') {
        // Reported of Google: other signs alone find everything, quotation marks alone are an error.
        if (expected.includes('"') && wordsOf(expected).length === 0) invalidQuery()
        return (item) => hasPrefixes(item.name, expected)
      }
      return negateIfUnequal(term, (item) => item.name.toLowerCase() === expected.toLowerCase())
    },
  },
  fullText: {
    operators: ['contains'],
    test(term) {
      const expected = text(term)
      return (item) =>
        hasTokens(`${item.name} ${plainText(item.fields['description'])} ${item.text}`, expected)
    },
  },
  mimeType: {
    operators: ['contains', ...equality],
    test(term) {
      const expected = text(term)
      if (term.operator === 'contains') return (item) => item.mimeType.includes(expected)
      return negateIfUnequal(term, (item) => item.mimeType === expected)
    },
  },
  createdTime: timeTerm((item) => item.createdTime),
  modifiedTime: timeTerm((item) => item.modifiedTime),
  viewedByMeTime: timeTerm(viewedTime),
  sharedWithMeTime: timeTerm((item) => item.sharedWithMeTime ?? NaN),
  trashed: booleanTerm((item, { tree }) => tree.isTrashed(item)),
  starred: booleanTerm((item) => item.starred),
  sharedWithMe: booleanTerm((item, { caller }) => item.readers.has(caller.sub)),
  parents: {
    operators: ['in'],
    test(term, { tree, caller }) {
      const id = text(term) === 'root' ? tree.root(caller.sub).id : text(term)
      const parent = tree.get(id)
      const isOwnRoot = parent === tree.root(caller.sub)
      // Drive omits the id from this message.
      if (!parent || !(isOwnRoot || isAccessibleParent(parent, { tree, caller })))
        throw fileNotFound('')
      return (item) => item.parent === id
    },
  },
  owners: peopleTerm((item) => (item.owner === undefined ? [] : [item.owner])),
  writers: peopleTerm((item) => [
    ...(item.owner === undefined ? [] : [item.owner]),
    ...[...item.readers].filter(([, role]) => role === 'writer').map(([sub]) => sub),
  ]),
  readers: peopleTerm((item) => [...(item.owner ? [item.owner] : []), ...item.readers.keys()]),
  properties: propertyTerm((item) => item.properties),
  appProperties: propertyTerm((item, { caller }) => item.appProperties.get(caller.clientId) ?? {}),
  'shortcutDetails.targetId': {
    operators: equality,
    test(term) {
      const expected = text(term)
      return negateIfUnequal(term, (item) => item.shortcutTo === expected)
    },
  },
}

function isAccessibleParent(parent: Item, { tree, caller }: SearchContext): boolean {
  if (tree.drives.has(parent.id)) return roleOf(tree, caller.sub, parent) !== null
  return canReadMetadata(tree, caller, parent)
}

function timeTerm(valueOf: (item: Item) => number): TermMatcher {
  return {
    operators: order,
    test(term) {
      const expected = readTime(text(term))
      return (item) => {
        const value = valueOf(item)
        if (term.operator === '=') return value === expected
        if (term.operator === '!=') return value !== expected
        if (term.operator === '<') return value < expected
        if (term.operator === '<=') return value <= expected
        return term.operator === '>' ? value > expected : value >= expected
      }
    },
  }
}

/** Reads RFC 3339, in UTC by default; a date alone means its start. */
function readTime(value: string): number {
  const match =
    /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d:\d\d(?:\.\d+)?)(Z|[+-]\d\d:\d\d)?)?$/i.exec(value) ??
    invalidQuery()
  const [, day, clock = '00:00:00', zone = 'Z'] = match
  const time = Date.parse(`${day}T${clock}${zone}`)
  return Number.isNaN(time) ? invalidQuery() : time
}

function booleanTerm(valueOf: (item: Item, context: SearchContext) => boolean): TermMatcher {
  return {
    operators: equality,
    test(term, context) {
      if (typeof term.value !== 'boolean') invalidQuery()
      const expected = term.operator === '=' ? term.value : !term.value
      return (item) => valueOf(item, context) === expected
    },
  }
}

function peopleTerm(subsOf: (item: Item) => string[]): TermMatcher {
  return {
    operators: ['in'],
    test(term, { tree, caller }) {
      const expected = text(term)
      return (item) =>
        subsOf(item).some((sub) =>
          expected === 'me' ? sub === caller.sub : tree.emails.get(sub) === expected,
        )
    },
  }
}

function propertyTerm(
  propertiesOf: (item: Item, context: SearchContext) => Record<string, string>,
): TermMatcher {
  return {
    operators: ['has'],
    test(term, context) {
      const { value } = term
      if (typeof value !== 'object') invalidQuery()
      return (item) => {
        const map = propertiesOf(item, context)
        return Object.hasOwn(map, value.key) && map[value.key] === value.value
      }
    },
  }
}

function negateIfUnequal(term: Term, matches: ItemPredicate): ItemPredicate {
  return term.operator === '!=' ? (item) => !matches(item) : matches
}

function text(term: Term): string {
  return typeof term.value === 'string' ? term.value : invalidQuery()
}

function plainText(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** Whether each expected word is a prefix of a word: `Hello` matches `HelloWorld`, `World` does not. */
function hasPrefixes(name: string, expected: string): boolean {
  const words = wordsOf(name)
  return wordsOf(expected).every((prefix) => words.some((word) => word.startsWith(prefix)))
}

/** Whether each expected word is a word of the text; a phrase in double quotes must match as a whole. */
function hasTokens(content: string, expected: string): boolean {
  const words = wordsOf(content)
  const phrase = /^\s*"(.*)"\s*$/.exec(expected)?.[1]
  if (phrase === undefined) return wordsOf(expected).every((word) => words.includes(word))
  return ` ${words.join(' ')} `.includes(` ${wordsOf(phrase).join(' ')} `)
}

function wordsOf(value: string): string[] {
  return value.toLowerCase().match(/[\p{L}\p{N}\p{M}]+/gu) ?? []
}

function invalidQuery(): never {
  throw invalidParameter('q')
}
