/** Who is calling, and what the token and the person may see and do. */
import type { IncomingMessage } from 'node:http'
import { insufficientScopes, invalidCredentials, loginRequired } from './errors.ts'
import type { Item, Tree } from './tree.ts'

/** Whose an access token is, what it was granted for, and for which application. */
export interface Identity {
  sub: string
  email: string
  /** Full scope addresses, or their last parts. */
  scopes: Set<string>
  clientId: string
}

export type Identify = (bearer: string) => Identity | undefined

export interface Caller {
  sub: string
  email: string
  clientId: string
  /** Without the address in front: `drive.file`. */
  scopes: Set<string>
}

/** @throws 401 when the token is missing or nobody's */
export function authenticate(req: IncomingMessage, identify: Identify): Caller {
  const header = req.headers.authorization
  if (header === undefined) throw loginRequired()
  const bearer = /^Bearer +([^\s]+)$/i.exec(header)?.[1]
  const identity = bearer === undefined ? undefined : identify(bearer)
  if (!identity) throw invalidCredentials()
  const { sub, email, clientId } = identity
  const scopes = new Set<string>()
  for (const scope of identity.scopes) {
    scopes.add(scope.replace(/^https:\/\/www\.googleapis\.com\/auth\//, ''))
  }
  return { sub, email, clientId, scopes }
}

/** The scopes that Drive's description of itself names for each method. */
const scopesOf = {
  'drive.files.list': ['drive', 'drive.file', 'drive.metadata', 'drive.readonly'],
  'drive.files.get': ['drive', 'drive.file', 'drive.metadata', 'drive.readonly'],
  'drive.files.export': ['drive', 'drive.file', 'drive.readonly'],
  'drive.files.create': ['drive', 'drive.file'],
  'drive.files.update': ['drive', 'drive.file', 'drive.metadata'],
  'drive.files.delete': ['drive', 'drive.file'],
  'drive.files.generateIds': ['drive', 'drive.file'],
  'drive.about.get': ['drive', 'drive.file', 'drive.metadata', 'drive.readonly'],
  'drive.drives.list': ['drive', 'drive.readonly'],
} as const

const readOnlyTwins = new Set(['drive.files.list', 'drive.files.get', 'drive.about.get'])

export type Method = keyof typeof scopesOf

/** @throws 403 when none of the token's scopes allows the method */
export function requireScope(caller: Caller, method: Method): void {
  if (scopesOf[method].some((scope) => caller.scopes.has(scope))) return
  if (readOnlyTwins.has(method) && caller.scopes.has('drive.metadata.readonly')) return
  throw insufficientScopes(method)
}

/** The person's own rights on a file, whatever the application may do. */
export function roleOf(tree: Tree, sub: string, item: Item): 'owner' | 'writer' | 'reader' | null {
  if (item.owner === sub) return 'owner'
  if (item.driveId) return tree.drives.get(item.driveId)?.members.has(sub) ? 'writer' : null
  for (let at: Item | undefined = item; at; at = tree.parentOf(at)) {
    const role = at.readers.get(sub)
    if (role) return role
  }
  return null
}

/** True when the application made the file: all that `drive.file` gives. */
export function isAppFile(caller: Caller, item: Item): boolean {
  return caller.scopes.has('drive.file') && item.apps.has(caller.clientId)
}

export function seesMetadata(tree: Tree, caller: Caller, item: Item): boolean {
  if (roleOf(tree, caller.sub, item) === null) return false
  const { scopes } = caller
  return (
    scopes.has('drive') ||
    scopes.has('drive.readonly') ||
    scopes.has('drive.metadata') ||
    scopes.has('drive.metadata.readonly') ||
    isAppFile(caller, item)
  )
}

export function readsContent(caller: Caller, item: Item): boolean {
  return (
    caller.scopes.has('drive') || caller.scopes.has('drive.readonly') || isAppFile(caller, item)
  )
}

export function writesFile(caller: Caller, item: Item): boolean {
  return caller.scopes.has('drive') || isAppFile(caller, item)
}
