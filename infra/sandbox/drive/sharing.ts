/** permissions.list, create and delete: for users, and for everyone who has the link. */
import type { Exchange } from '../router.ts'
import { sendJson } from '../router.ts'
import type { Caller, Role } from './auth-context.ts'
import { canWriteFile, mayWrite, requireScope, roleOf } from './auth-context.ts'
import { readJson } from './body.ts'
import { DriveError, appNotAuthorized, badRequest, invalidParameter } from './errors.ts'
import { applyMask, maskOf, readMask } from './fields.ts'
import { emailOf } from './file-json.ts'
import type { PageTokens } from './page-tokens.ts'
import { readPage } from './paging.ts'
import { findFile, insufficientFilePermissions } from './permissions.ts'
import type { MethodId } from './schema/index.ts'
import { shapeOf } from './schema/index.ts'
import type { DriveContext } from './service.ts'
import type { Item, SharedRole, Tree } from './tree.ts'

interface Permission {
  id: string
  type: 'user' | 'anyone'
  role: Role | 'organizer'
}

const linkId = 'anyoneWithLink'
const sharedRoles = new Set(['reader', 'commenter', 'writer'])
const defaultFields = maskOf('kind', 'id', 'type', 'role')

export function listPermissions(
  context: DriveContext,
  pageTokens: PageTokens,
  exchange: Exchange,
): void {
  const { tree } = context
  const { caller, item } = findShared(context, 'drive.permissions.list', exchange)
  const fields = exchange.url.searchParams.get('fields')
  const list = readPage(pageTokens, caller, exchange, permissionsOf(tree, item), {
    max: 100,
    default: 100,
  })
  const response = {
    kind: 'drive#permissionList',
    ...(list.nextPageToken === undefined ? {} : { nextPageToken: list.nextPageToken }),
    permissions: list.page.map((permission) => permissionJson(tree, permission)),
  }
  const mask = fields
    ? readMask(fields, shapeOf('PermissionList'))
    : maskOf('kind', 'nextPageToken', ['permissions', defaultFields])
  sendJson(exchange.res, 200, applyMask(mask, response))
}

export async function createPermission(context: DriveContext, exchange: Exchange): Promise<void> {
  const { tree, now } = context
  const { item } = findShared(context, 'drive.permissions.create', exchange)
  const fields = exchange.url.searchParams.get('fields')
  const mask = fields ? readMask(fields, shapeOf('Permission')) : defaultFields
  const { type, role, emailAddress } = await readJson(exchange)
  if (typeof role !== 'string') throw invalidParameter('permission.role')
  if (role === 'owner') {
    const message =
      "The transferOwnership parameter must be enabled when the permission role is 'owner'."
    throw new DriveError(403, 'forbidden', message, { location: 'transferOwnership' })
  }
  if (!sharedRoles.has(role)) throw invalidParameter('permission.role')
  if (type === 'domain') throw badRequest('The sandbox cannot share with a domain.')
  const permission: Permission =
    type === 'anyone'
      ? { id: linkId, type, role: role as SharedRole }
      : { id: userOf(tree, type, emailAddress), type: 'user', role: role as SharedRole }
  tree.record(item)
  if (permission.id === linkId) item.linkRole = role as SharedRole
  else {
    item.readers.set(permission.id, role as SharedRole)
    item.sharedWithMeTime = now()
  }
  item.version++
  sendJson(exchange.res, 200, applyMask(mask, permissionJson(tree, permission)))
}

export function deletePermission(context: DriveContext, exchange: Exchange): void {
  const { tree } = context
  const { caller, item } = findReadable(context, 'drive.permissions.delete', exchange)
  const id = exchange.params[1] ?? ''
  // A user may give up their own access.
  if (id !== caller.sub) requireSharing(tree, caller, item)
  if (id === item.owner) throw insufficientFilePermissions()
  const isGranted = id === linkId ? item.linkRole !== undefined : item.readers.has(id)
  if (!isGranted) {
    const message = `Permission not found: ${id}.`
    throw new DriveError(404, 'notFound', message, { location: 'permissionId' })
  }
  tree.record(item)
  if (id === linkId) item.linkRole = undefined
  else item.readers.delete(id)
  item.version++
  exchange.res.writeHead(204).end()
}

/** The permissions of an item itself, without those of its folders. */
function permissionsOf(tree: Tree, item: Item): Permission[] {
  const members = item.driveId === undefined ? [] : (tree.drives.get(item.driveId)?.members ?? [])
  const users: [string, Permission['role']][] = [
    ...(item.owner === undefined ? [] : [[item.owner, 'owner'] as [string, 'owner']]),
    ...[...members].map((sub): [string, 'organizer'] => [sub, 'organizer']),
    ...item.readers,
  ]
  return [
    ...users.map(([id, role]): Permission => ({ id, type: 'user', role })),
    ...(item.linkRole ? [{ id: linkId, type: 'anyone' as const, role: item.linkRole }] : []),
  ]
}

function permissionJson(tree: Tree, { id, type, role }: Permission): Record<string, unknown> {
  const kind = 'drive#permission'
  if (type === 'anyone') return { kind, id, type, role, allowFileDiscovery: false }
  const emailAddress = emailOf(tree, id)
  const displayName = emailAddress.split('@')[0]
  return { kind, id, type, role, emailAddress, displayName, deleted: false, pendingOwner: false }
}

/** The `sub` of a user; the address itself for a user whom Drive has not seen yet. */
function userOf(tree: Tree, type: unknown, email: unknown): string {
  if (type !== 'user' && type !== 'group') throw invalidParameter('permission.type')
  if (typeof email !== 'string' || !/^[^@\s]+@[^@\s]+$/.test(email)) {
    const message =
      'The specified emailAddress is invalid or not applicable for the given permission type.'
    throw new DriveError(400, 'invalid', message, { location: 'permission.emailAddress' })
  }
  return [...tree.emails].find(([, known]) => known === email)?.[0] ?? email
}

function findShared(context: DriveContext, method: MethodId, exchange: Exchange) {
  const found = findReadable(context, method, exchange)
  requireSharing(context.tree, found.caller, found.item)
  return found
}

function findReadable(context: DriveContext, method: MethodId, { req, url, params }: Exchange) {
  const caller = context.authenticate(req)
  requireScope(caller, method)
  return { caller, item: findFile(context.tree, caller, url, params[0] ?? '') }
}

function requireSharing(tree: Tree, caller: Caller, item: Item): void {
  if (!canWriteFile(caller, item)) throw appNotAuthorized(item.id)
  if (!mayWrite(roleOf(tree, caller.sub, item))) throw insufficientFilePermissions()
}
