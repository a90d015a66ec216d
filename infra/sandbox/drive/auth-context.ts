/** Authentication of the caller, and the permissions of the token and the user. */
import type { IncomingMessage } from 'node:http'
import { insufficientScopes, invalidCredentials, loginRequired } from './errors.ts'
import type { MethodId } from './schema/index.ts'
import { schema } from './schema/index.ts'
import type { Item, SharedRole, Tree } from './tree.ts'

/** The user, client and scopes of an access token. */
export interface Identity {
  sub: string
  email: string
  /** Full scope URLs, or their last segments. */
  scopes: Set<string>
  clientId: string
}

export type Identify = (bearer: string) => Identity | undefined

export interface Caller {
  sub: string
  email: string
  clientId: string
  /** Without the URL prefix: `drive.file`. */
  scopes: Set<string>
  /** The resource keys of the request, by file id. */
  resourceKeys: Map<string, string>
}

/** @throws 401 when the token is missing or invalid */
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
  return { sub, email, clientId, scopes, resourceKeys: readResourceKeys(req) }
}

function readResourceKeys(req: IncomingMessage): Map<string, string> {
  const pairs = String(req.headers['x-goog-drive-resource-keys'] ?? '').split(',')
  return new Map(pairs.map((pair) => pair.trim().split('/', 2) as [string, string]))
}

/** @throws 403 when no scope of the token allows the method */
export function requireScope(caller: Caller, method: MethodId): void {
  if (schema.methods[method]?.scopes.some((scope) => caller.scopes.has(scope))) return
  throw insufficientScopes(method)
}

export type Role = 'owner' | SharedRole

/** The user's role on a file, independent of the application. */
export function roleOf(tree: Tree, sub: string, item: Item): Role | null {
  return grantedRole(tree, sub, item) ?? linkRole(tree, item)
}

/** The role that was granted to the user, and not to everyone who has the link. */
export function grantedRole(tree: Tree, sub: string, item: Item): Role | null {
  if (item.owner === sub) return 'owner'
  if (item.driveId) return tree.drives.get(item.driveId)?.members.has(sub) ? 'writer' : null
  const email = tree.emails.get(sub) ?? ''
  for (let current: Item | undefined = item; current; current = tree.parentOf(current)) {
    const role = current.readers.get(sub) ?? current.readers.get(email)
    if (role) return role
  }
  return null
}

function linkRole(tree: Tree, item: Item): SharedRole | null {
  for (let current: Item | undefined = item; current; current = tree.parentOf(current)) {
    if (current.linkRole) return current.linkRole
  }
  return null
}

/** Whether the request has the resource key that the link requires by which the user has access. */
function hasResourceKey(tree: Tree, caller: Caller, item: Item): boolean {
  if (grantedRole(tree, caller.sub, item) !== null) return true
  for (let current: Item | undefined = item; current; current = tree.parentOf(current)) {
    const { id, linkRole: role, resourceKey } = current
    if (role) return resourceKey === undefined || caller.resourceKeys.get(id) === resourceKey
  }
  return true
}

export function mayWrite(role: Role | null): boolean {
  return role === 'owner' || role === 'writer'
}

/** Whether the application created the file, as `drive.file` requires. */
export function isAppFile(caller: Caller, item: Item): boolean {
  return caller.scopes.has('drive.file') && item.apps.has(caller.clientId)
}

export function canReadMetadata(tree: Tree, caller: Caller, item: Item): boolean {
  if (roleOf(tree, caller.sub, item) === null || !hasResourceKey(tree, caller, item)) return false
  const { scopes } = caller
  return (
    scopes.has('drive') ||
    scopes.has('drive.readonly') ||
    scopes.has('drive.metadata') ||
    scopes.has('drive.metadata.readonly') ||
    isAppFile(caller, item)
  )
}

export function canReadContent(caller: Caller, item: Item): boolean {
  return (
    caller.scopes.has('drive') || caller.scopes.has('drive.readonly') || isAppFile(caller, item)
  )
}

export function canWriteFile(caller: Caller, item: Item): boolean {
  return caller.scopes.has('drive') || isAppFile(caller, item)
}
