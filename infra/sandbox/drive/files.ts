/** Requests without media: files.get, create, update, delete, emptyTrash and generateIds. */
import type { Exchange } from '../router.ts'
import { sendJson } from '../router.ts'
import { findFile, insufficientFilePermissions } from './permissions.ts'
import { readJson } from './body.ts'
import { requireScope, roleOf, canWriteFile } from './auth-context.ts'
import type { Caller } from './auth-context.ts'
import { sendContent } from './download.ts'
import { appNotAuthorized, fileNotFound, invalidParameter } from './errors.ts'
import { readMask } from './fields.ts'
import type { Mask } from './fields.ts'
import { defaultFields, fileJson, fileShape } from './file-json.ts'
import { readMetadata } from './metadata.ts'
import { readInteger } from './params.ts'
import { prepareCreate, prepareUpdate } from './mutations.ts'
import type { DriveContext } from './service.ts'
import { createContentWriter } from './content-writer.ts'
import { isGoogleType } from './google-types.ts'
import type { Item } from './tree.ts'

export async function getFile(context: DriveContext, exchange: Exchange): Promise<void> {
  const { req, url, params } = exchange
  const { tree } = context
  const caller = context.authenticate(req)
  requireScope(caller, 'drive.files.get')
  const item = findFile(tree, caller, url, params[0] ?? '')
  const alt = url.searchParams.get('alt') || 'json'
  if (alt !== 'json' && alt !== 'media') throw invalidParameter('alt')
  if (alt === 'media') await sendContent(caller, item, exchange)
  else await sendFile(context, caller, item, exchange, fileMask(url))
}

export async function createFile(context: DriveContext, exchange: Exchange): Promise<void> {
  const caller = context.authenticate(exchange.req)
  requireScope(caller, 'drive.files.create')
  const mask = fileMask(exchange.url)
  const metadata = readMetadata(await readJson(exchange), false)
  const mutation = prepareCreate(context, caller, exchange.url, metadata, false)
  // Without media and without a Google type, the file is empty.
  const isEmptyFile = !isGoogleType(metadata.mimeType ?? '')
  const content = isEmptyFile
    ? await createContentWriter(context.blobStore.open()).finish()
    : undefined
  await sendFile(context, caller, await mutation.apply(content), exchange, mask)
}

export async function updateFile(context: DriveContext, exchange: Exchange): Promise<void> {
  const { req, url, params } = exchange
  const caller = context.authenticate(req)
  requireScope(caller, 'drive.files.update')
  const mask = fileMask(url)
  const metadata = readMetadata(await readJson(exchange), true)
  const mutation = prepareUpdate(context, caller, url, params[0] ?? '', metadata, false)
  await sendFile(context, caller, await mutation.apply(), exchange, mask)
}

export function deleteFile(context: DriveContext, { req, res, url, params }: Exchange): void {
  const { tree } = context
  const caller = context.authenticate(req)
  requireScope(caller, 'drive.files.delete')
  const item = findFile(tree, caller, url, params[0] ?? '')
  if (!canWriteFile(caller, item)) throw appNotAuthorized(item.id)
  // Only the owner may delete; in a shared drive, each writer of the sandbox is an organizer.
  const role = roleOf(tree, caller.sub, item)
  const mayDelete = role === 'owner' || (item.driveId !== undefined && role === 'writer')
  if (!mayDelete || item.parent === undefined) throw insufficientFilePermissions()
  tree.remove(item)
  res.writeHead(204).end()
}

/** Deletes the caller's trashed files, or those of a shared drive, for good. */
export function emptyTrash(context: DriveContext, { req, res, url }: Exchange): void {
  const { tree } = context
  const caller = context.authenticate(req)
  requireScope(caller, 'drive.files.emptyTrash')
  const driveId = url.searchParams.get('driveId')
  if (driveId && !tree.drives.get(driveId)?.members.has(caller.sub)) throw fileNotFound(driveId)
  for (const item of [...tree.all()].filter(({ trashed }) => trashed)) {
    const isChosen = driveId ? item.driveId === driveId : item.owner === caller.sub
    if (isChosen && tree.get(item.id)) tree.remove(item)
  }
  res.writeHead(204).end()
}

export function generateIds(context: DriveContext, { req, res, url }: Exchange): void {
  const caller = context.authenticate(req)
  requireScope(caller, 'drive.files.generateIds')
  const count = readInteger(url, 'count', { min: 1, max: 1000, default: 10 })
  const space = url.searchParams.get('space') || 'drive'
  if (space !== 'drive') throw invalidParameter('space')
  const type = url.searchParams.get('type') || 'files'
  if (type !== 'files' && type !== 'shortcuts') throw invalidParameter('type')
  const ids = context.tree.generateIds(caller.sub, count, type)
  sendJson(res, 200, { kind: 'drive#generatedIds', space, ids })
}

/** The mask of the response. @throws 400 for an unknown field */
export function fileMask(url: URL): Mask {
  const fields = url.searchParams.get('fields')
  return fields ? readMask(fields, fileShape) : defaultFields
}

/** Responds 200 with the file, changed by the fault. */
export async function sendFile(
  { tree }: Pick<DriveContext, 'tree'>,
  caller: Caller,
  item: Item,
  { res, fault }: Pick<Exchange, 'res' | 'fault'>,
  mask: Mask,
): Promise<void> {
  const json = await fileJson({ tree, caller, item }, mask)
  for (const [name, value] of Object.entries(fault?.file ?? {})) {
    if (value === null) delete json[name]
    else json[name] = value
  }
  sendJson(res, 200, json)
}
