/** The addresses of Firestore's REST interface, and how a request to one becomes an answer. */
import type { Exchange, Route } from '../router.ts'
import { answerJson, readBody } from '../router.ts'
import type { Call, Method } from './call.ts'
import { readParameters } from './parameters.ts'
import * as reads from './reads.ts'
import { FirestoreError, invalid, unimplemented } from './status.ts'
import type { Store } from './store.ts'
import type { Transactions } from './transaction.ts'
import * as writes from './writes.ts'

const bodyLimit = 11 * 1024 * 1024 // Google's limit is 10 MiB, in a form that is tighter than JSON

const root = String.raw`^/v1/projects/[^/]+/databases/[^/]+/documents`
const below = `${root}(?:/.*)?`
const document = String.raw`(?:/[^/]+/[^/]+)`

/** @param worldOf the store of the documents below `projects/P/databases/D/documents` */
export function routesOf(worldOf: (root: string) => Store, transactions: Transactions): Route[] {
  const route = (operation: string, method: string, path: string, run: Method): Route => ({
    operation: `firestore.${operation}`,
    method,
    path: new RegExp(path),
    handle: (exchange) => answer(exchange, run),
  })

  async function answer(exchange: Exchange, run: Method): Promise<void> {
    const { req, res } = exchange
    try {
      answerJson(res, 200, await run(await readCall(exchange)))
    } catch (error) {
      if (!(error instanceof FirestoreError)) throw error
      const { httpStatus: code, message, status } = error
      req.resume()
      answerJson(res, code, { error: { code, message, status } })
    }
  }

  async function readCall({ req, url }: Exchange): Promise<Call> {
    if (Number(req.headers['content-length'] ?? 0) > bodyLimit) {
      throw invalid(`Request payload size exceeds the limit: ${bodyLimit} bytes`)
    }
    const text = (await readBody(req, bodyLimit)).toString('utf8')
    const name = readName(url.pathname)
    const parts = name.split('/')
    return {
      name,
      store: worldOf(parts.slice(0, 5).join('/')),
      transactions,
      body: text === '' ? {} : readJson(text),
      parameters: readParameters(url.searchParams),
    }
  }

  return [
    route('batchGet', 'POST', `${root}:batchGet$`, reads.batchGet),
    route('commit', 'POST', `${root}:commit$`, writes.commit),
    route('beginTransaction', 'POST', `${root}:beginTransaction$`, writes.beginTransaction),
    route('rollback', 'POST', `${root}:rollback$`, writes.rollback),
    route('batchWrite', 'POST', `${root}:batchWrite$`, writes.batchWrite),
    route('runQuery', 'POST', `${below}:runQuery$`, reads.runQuery),
    route(
      'runAggregationQuery',
      'POST',
      `${below}:runAggregationQuery$`,
      reads.runAggregationQuery,
    ),
    route('listCollectionIds', 'POST', `${below}:listCollectionIds$`, reads.listCollectionIds),
    route('createDocument', 'POST', `${below}/[^/:]+$`, writes.createDocument),
    route('getDocument', 'GET', `${root}${document}+$`, reads.getDocument),
    route('updateDocument', 'PATCH', `${root}${document}+$`, writes.updateDocument),
    route('deleteDocument', 'DELETE', `${root}${document}+$`, writes.deleteDocument),
    route('listDocuments', 'GET', `${root}${document}*/[^/]+$`, reads.listDocuments),
    ...['GET', 'PATCH', 'DELETE'].map((method) => route('unknown', method, `${root}/`, misnamed)),
    ...['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].map((method) =>
      route('unknown', method, '^/v1(?:beta1)?/projects/[^/]+/databases', unknown),
    ),
  ]
}

/** Neither a document nor a collection, such as an address with an empty id. */
const misnamed: Method = ({ name }) => {
  throw invalid(`Name "${name}" ends in neither a document id nor a collection id`)
}

const unknown: Method = () => {
  throw unimplemented('this method or address')
}

/** The resource name that an address stands for, without the verb after the last colon. */
function readName(pathname: string): string {
  const path = pathname
    .slice('/v1/'.length)
    .replace(/:(?:[a-z]+(?:[A-Z][a-z]+)*)$/, (verb) => (verbs.has(verb) ? '' : verb))
  try {
    return decodeURIComponent(path)
  } catch {
    throw invalid('Cannot decode the address')
  }
}

const verbs = new Set(
  [
    'batchGet',
    'commit',
    'beginTransaction',
    'rollback',
    'batchWrite',
    'runQuery',
    'runAggregationQuery',
    'listCollectionIds',
  ].map((verb) => `:${verb}`),
)

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw invalid('Cannot read the request: it is not JSON')
  }
}
