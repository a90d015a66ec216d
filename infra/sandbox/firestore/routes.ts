/** The URLs of Firestore's REST API, and the conversion of requests and responses. */
import type { Exchange, Route } from '../router.ts'
import { sendJson, readBody } from '../router.ts'
import type { Call, Method } from './methods.ts'
import { batchGet, commit, runQuery } from './methods.ts'
import { FirestoreError, invalid, unimplemented } from './status.ts'
import type { Store } from './store.ts'

const maxBodyBytes = 11 * 1024 * 1024 // Google's limit is 10 MiB, in an encoding denser than JSON

/** Parameters of Google's front end. The enum encoding changes none of these responses. */
const ignoredParameters = new Set([
  '$alt',
  'alt',
  '$prettyPrint',
  'prettyPrint',
  'key',
  'quotaUser',
])

/** @param storeFor the store of the documents below `projects/P/databases/D/documents` */
export function createRoutes(storeFor: (root: string) => Store): Route[] {
  const route = (operation: string, method: string, path: string, run: Method): Route => ({
    operation: `firestore.${operation}`,
    method,
    path: new RegExp(path),
    handle: (exchange) => respond(exchange, run),
  })
  const root = String.raw`^/v1/(projects/[^/]+/databases/[^/]+/documents)`

  async function respond(exchange: Exchange, run: Method): Promise<void> {
    const { req, res } = exchange
    try {
      sendJson(res, 200, await run(await readCall(exchange)))
    } catch (error) {
      if (!(error instanceof FirestoreError)) throw error
      const { httpStatus: code, message, status } = error
      req.resume()
      sendJson(res, code, { error: { code, message, status } })
    }
  }

  async function readCall({ req, url, params: [name = ''] }: Exchange): Promise<Call> {
    if (Number(req.headers['content-length'] ?? 0) > maxBodyBytes) {
      throw invalid(`Request payload size exceeds the limit: ${maxBodyBytes} bytes`)
    }
    for (const parameter of url.searchParams.keys()) {
      if (!ignoredParameters.has(parameter)) throw unimplemented(`the parameter ${parameter}`)
    }
    const text = (await readBody(req, maxBodyBytes)).toString('utf8')
    return { root: name, store: storeFor(name), body: text === '' ? {} : readJson(text) }
  }

  return [
    route('batchGet', 'POST', `${root}:batchGet$`, batchGet),
    route('commit', 'POST', `${root}:commit$`, commit),
    route('runQuery', 'POST', `${root}:runQuery$`, runQuery),
    ...['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].map((method) =>
      route('unknown', method, '^/v1(?:beta1)?/projects/[^/]+/databases', () => {
        throw unimplemented('this method or URL')
      }),
    ),
  ]
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw invalid('Cannot parse the request body as JSON')
  }
}
