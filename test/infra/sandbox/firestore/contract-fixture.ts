/** Fixture of the Firestore contract tests. */
import { randomUUID } from 'node:crypto'
import { Firestore } from '@google-cloud/firestore'
import { PassThroughClient } from 'google-auth-library'

/** The Firestore under test; available inside tests, after it has started. */
export interface ContractContext {
  /** `127.0.0.1:port` */
  host: () => string
  /** A client of the suite's own project, or of another one. */
  client: (projectId?: string) => Firestore
}

/** gRPC status codes, as clients receive them. */
export const code = {
  invalidArgument: 3,
  notFound: 5,
  alreadyExists: 6,
  failedPrecondition: 9,
}

/** Creates a client with the options of production, by default for a new project. */
export function connect(host: string, projectId = newProject()): Firestore {
  process.env['FIRESTORE_EMULATOR_HOST'] = host
  return new Firestore({ projectId, preferRest: true, authClient: new PassThroughClient() })
}

export function newProject(): string {
  return `p-${randomUUID()}`
}

/** The document root of a new project. */
export function newRoot(): string {
  return `projects/${newProject()}/databases/(default)/documents`
}

/** Sends a request without the client library, for requests that the library never sends. */
export async function send(host: string, method: string, path: string, body?: unknown) {
  const response = await fetch(`http://${host}/v1/${path}`, {
    method,
    headers: { 'content-type': 'application/json', authorization: 'Bearer owner' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: (await response.json()) as unknown }
}

/** Replaces one document with a commit. */
export function put(host: string, root: string, path: string, fields: unknown = {}) {
  return send(host, 'POST', `${root}:commit`, {
    writes: [{ update: { name: `${root}/${path}`, fields } }],
  })
}

/** The ids of a query's documents, in order. */
export async function ids(query: { get(): Promise<{ docs: { id: string }[] }> }) {
  return (await query.get()).docs.map((doc) => doc.id)
}
