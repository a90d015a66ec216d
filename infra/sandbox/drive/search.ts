/** What each term of a query means for a file. */
import type { Caller } from './auth-context.ts'
import { roleOf, seesMetadata } from './auth-context.ts'
import { fileNotFound, invalidParameter } from './errors.ts'
import type { Query, Term } from './query.ts'
import type { Item, Tree } from './tree.ts'
import { viewedTime } from './tree.ts'

export type Matches = (item: Item) => boolean

type Place = { tree: Tree; caller: Caller }
type Meaning = { operators: string[]; test(term: Term, place: Place): Matches }

const equality = ['=', '!=']
const order = ['<=', '<', '=', '!=', '>', '>=']

/**
 * Turns a query into a test of files.
 *
 * @throws 400 for terms, operators and values that do not go together; 404 for an unseen parent
 */
export function createSearch(query: Query, place: Place): Matches {
  if ('and' in query) {
    const [left, right] = query.and.map((part) => createSearch(part, place))
    return (item) => left!(item) && right!(item)
  }
  if ('or' in query) {
    const [left, right] = query.or.map((part) => createSearch(part, place))
    return (item) => left!(item) || right!(item)
  }
  if ('not' in query) {
    const inside = createSearch(query.not, place)
    return (item) => !inside(item)
  }
  const { term } = query
  const meaning = Object.hasOwn(meanings, term.name) ? meanings[term.name] : undefined
  return meaning?.operators.includes(term.operator) ? meaning.test(term, place) : refuse()
}

/** Whether a query searches in what files say, which forbids an order of one's own. */
export function isFullText(query: Query): boolean {
  if ('and' in query) return query.and.some(isFullText)
  if ('or' in query) return query.or.some(isFullText)
  if ('not' in query) return isFullText(query.not)
  return query.term.name === 'fullText'
}

const meanings: Record<string, Meaning> = {
  name: {
    operators: ['contains', ...equality],
    test(term) {
      const wanted = text(term)
      if (term.operator === 'contains') return (item) => hasPrefixes(item.name, wanted)
      return negated(term, (item) => item.name.toLowerCase() === wanted.toLowerCase())
    },
  },
  fullText: {
    operators: ['contains'],
    test(term) {
      const wanted = text(term)
      return (item) =>
        hasTokens(`${item.name} ${plainText(item.fields['description'])} ${item.text}`, wanted)
    },
  },
  mimeType: {
    operators: ['contains', ...equality],
    test(term) {
      const wanted = text(term)
      if (term.operator === 'contains') return (item) => item.mimeType.includes(wanted)
      return negated(term, (item) => item.mimeType === wanted)
    },
  },
  createdTime: time((item) => item.createdTime),
  modifiedTime: time((item) => item.modifiedTime),
  viewedByMeTime: time(viewedTime),
  sharedWithMeTime: time((item) => item.sharedWithMeTime ?? NaN),
  trashed: truth((item, { tree }) => tree.isTrashed(item)),
  starred: truth((item) => item.starred),
  sharedWithMe: truth((item, { caller }) => item.readers.has(caller.sub)),
  parents: {
    operators: ['in'],
    test(term, { tree, caller }) {
      const id = text(term) === 'root' ? tree.root(caller.sub).id : text(term)
      const parent = tree.get(id)
      const isOwnRoot = parent === tree.root(caller.sub)
      // Drive leaves the id out of this message.
      if (!parent || !(isOwnRoot || seesParent(parent, { tree, caller }))) throw fileNotFound('')
      return (item) => item.parent === id
    },
  },
  owners: people((item) => (item.owner === undefined ? [] : [item.owner])),
  writers: people((item) => [
    ...(item.owner === undefined ? [] : [item.owner]),
    ...[...item.readers].filter(([, role]) => role === 'writer').map(([sub]) => sub),
  ]),
  readers: people((item) => [...(item.owner ? [item.owner] : []), ...item.readers.keys()]),
  properties: pairs((item) => item.properties),
  appProperties: pairs((item, { caller }) => item.appProperties.get(caller.clientId) ?? {}),
  'shortcutDetails.targetId': {
    operators: equality,
    test(term) {
      const wanted = text(term)
      return negated(term, (item) => item.shortcutTo === wanted)
    },
  },
}

function seesParent(parent: Item, { tree, caller }: Place): boolean {
  if (tree.drives.has(parent.id)) return roleOf(tree, caller.sub, parent) !== null
  return seesMetadata(tree, caller, parent)
}

function time(of: (item: Item) => number): Meaning {
  return {
    operators: order,
    test(term) {
      const wanted = readTime(text(term))
      return (item) => {
        const value = of(item)
        if (term.operator === '=') return value === wanted
        if (term.operator === '!=') return value !== wanted
        if (term.operator === '<') return value < wanted
        if (term.operator === '<=') return value <= wanted
        return term.operator === '>' ? value > wanted : value >= wanted
      }
    },
  }
}

/** RFC 3339, in UTC unless it says otherwise; a day alone is its first moment. */
function readTime(value: string): number {
  const match =
    /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d:\d\d(?:\.\d+)?)(Z|[+-]\d\d:\d\d)?)?$/i.exec(value) ?? refuse()
  const [, day, clock = '00:00:00', zone = 'Z'] = match
  const read = Date.parse(`${day}T${clock}${zone}`)
  return Number.isNaN(read) ? refuse() : read
}

function truth(of: (item: Item, place: Place) => boolean): Meaning {
  return {
    operators: equality,
    test(term, place) {
      if (typeof term.value !== 'boolean') refuse()
      const wanted = term.operator === '=' ? term.value : !term.value
      return (item) => of(item, place) === wanted
    },
  }
}

function people(of: (item: Item) => string[]): Meaning {
  return {
    operators: ['in'],
    test(term, { tree, caller }) {
      const wanted = text(term)
      return (item) =>
        of(item).some((sub) =>
          wanted === 'me' ? sub === caller.sub : tree.emails.get(sub) === wanted,
        )
    },
  }
}

function pairs(of: (item: Item, place: Place) => Record<string, string>): Meaning {
  return {
    operators: ['has'],
    test(term, place) {
      const { value } = term
      if (typeof value !== 'object') refuse()
      return (item) => {
        const map = of(item, place)
        return Object.hasOwn(map, value.key) && map[value.key] === value.value
      }
    },
  }
}

function negated(term: Term, matches: Matches): Matches {
  return term.operator === '!=' ? (item) => !matches(item) : matches
}

function text(term: Term): string {
  return typeof term.value === 'string' ? term.value : refuse()
}

function plainText(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** Every word of `wanted` begins some word of the name: `Hello` finds `HelloWorld`, `World` not. */
function hasPrefixes(name: string, wanted: string): boolean {
  const words = wordsOf(name)
  return wordsOf(wanted).every((prefix) => words.some((word) => word.startsWith(prefix)))
}

/** Every word of `wanted` is a word of the text; in double quotes, in this order and together. */
function hasTokens(text_: string, wanted: string): boolean {
  const words = wordsOf(text_)
  const phrase = /^\s*"(.*)"\s*$/.exec(wanted)?.[1]
  if (phrase === undefined) return wordsOf(wanted).every((word) => words.includes(word))
  return ` ${words.join(' ')} `.includes(` ${wordsOf(phrase).join(' ')} `)
}

function wordsOf(value: string): string[] {
  return value.toLowerCase().match(/[\p{L}\p{N}\p{M}]+/gu) ?? []
}

function refuse(): never {
  throw invalidParameter('q')
}
