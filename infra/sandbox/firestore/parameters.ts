/** The query string of an address, as the fields of the request message that it stands for. */
import type { Fields } from './json.ts'
import { unimplemented } from './status.ts'

/** What Google's front end takes for itself. The enum encoding changes no answer of Firestore. */
const ofTheFrontEnd = new Set(['$alt', 'alt', '$prettyPrint', 'prettyPrint', 'key', 'quotaUser'])
const repeated = new Set(['fieldPaths'])

/** Reads `mask.fieldPaths=a&mask.fieldPaths=b` as `{ mask: { fieldPaths: ['a', 'b'] } }`. */
export function readParameters(search: URLSearchParams): Fields {
  const message: Fields = {}
  for (const [path, value] of search) {
    if (path === 'fields' || path === '$fields') throw unimplemented('partial answers')
    if (ofTheFrontEnd.has(path)) continue
    let inner = message
    const steps = path.split('.')
    const last = steps.pop() ?? ''
    for (const step of steps) {
      const next = Object.hasOwn(inner, step) ? inner[step] : {}
      inner[step] = next
      inner = typeof next === 'object' && next !== null ? (next as Fields) : {}
    }
    const before = Object.hasOwn(inner, last) ? inner[last] : []
    inner[last] = repeated.has(last) && Array.isArray(before) ? [...before, value] : value
  }
  return message
}
