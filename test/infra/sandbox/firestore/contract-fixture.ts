/** What the parts of the Firestore contract share. */
import { randomUUID } from 'node:crypto'
import { Firestore } from '@google-cloud/firestore'
import { PassThroughClient } from 'google-auth-library'

/** What a part of the contract is run on; asked for inside tests, when it has started. */
export interface Given {
  /** `127.0.0.1:port` */
  host: () => string
  /** A client of the suite's own project, or of another one. */
  client: (projectId?: string) => Firestore
  /** How many transactions contend at once; locks make that slow on Google's emulator. */
  contenders: number
}

/** The numbers of the gRPC statuses that clients see. */
export const code = {
  invalidArgument: 3,
  notFound: 5,
  alreadyExists: 6,
  failedPrecondition: 9,
}

/** A client as production makes it, of a project that nobody else uses. */
export function connect(host: string, projectId = newProject()): Firestore {
  process.env['FIRESTORE_EMULATOR_HOST'] = host
  return new Firestore({ projectId, preferRest: true, authClient: new PassThroughClient() })
}

export function newProject(): string {
  return `p-${randomUUID()}`
}

/** Where the documents of a project that nobody else uses hang. */
export function newRoot(): string {
  return `projects/${newProject()}/databases/(default)/documents`
}

/** A request without the client, for what the client would never send. */
export async function ask(host: string, method: string, path: string, body?: unknown) {
  const response = await fetch(`http://${host}/v1/${path}`, {
    method,
    headers: { 'content-type': 'application/json', authorization: 'Bearer owner' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: (await response.json()) as unknown }
}

/** The ids of what a query finds, in order. */
export async function ids(query: { get(): Promise<{ docs: { id: string }[] }> }) {
  return (await query.get()).docs.map((doc) => doc.id)
}
