/** Requests about single files that carry no bytes in: get, create, update, delete, generateIds. */
import type { Exchange } from '../router.ts'
import { answerJson } from '../router.ts'
import { findFile, insufficientFilePermissions } from './permissions.ts'
import { readJson } from './body.ts'
import { requireScope, roleOf, writesFile } from './auth-context.ts'
import type { Caller } from './auth-context.ts'
import { sendContent } from './download.ts'
import { appNotAuthorized, invalidParameter } from './errors.ts'
import { readMask } from './fields.ts'
import type { Mask } from './fields.ts'
import { defaultFields, fileJson, fileShape } from './file-json.ts'
import { readMetadata } from './metadata.ts'
import { wholeNumber } from './params.ts'
import { planCreate, planUpdate } from './mutations.ts'
import type { Place } from './service.ts'
import { createWriter } from './blobs.ts'
import { isGoogleType } from './google-types.ts'
import type { Item } from './tree.ts'

export async function getFile(place: Place, exchange: Exchange): Promise<void> {
  const { req, url, params } = exchange
  const { tree } = place
  const caller = place.authenticate(req)
  requireScope(caller, 'drive.files.get')
  const item = findFile(tree, caller, url, params[0] ?? '')
  const alt = url.searchParams.get('alt') || 'json'
  if (alt !== 'json' && alt !== 'media') throw invalidParameter('alt')
  if (alt === 'media') await sendContent(caller, item, exchange)
  else await answerFile(place, caller, item, exchange, fileMask(url))
}

export async function createFile(place: Place, exchange: Exchange): Promise<void> {
  const caller = place.authenticate(exchange.req)
  requireScope(caller, 'drive.files.create')
  const mask = fileMask(exchange.url)
  const metadata = readMetadata(await readJson(exchange), false)
  const plan = planCreate(place, caller, exchange.url, metadata, false)
  // Without media and without a type of Google's own, the file is empty.
  const isEmptyFile = !isGoogleType(metadata.mimeType ?? '')
  const content = isEmptyFile ? await createWriter(place.sinks.open()).finish() : undefined
  await answerFile(place, caller, await plan.carryOut(content), exchange, mask)
}

export async function updateFile(place: Place, exchange: Exchange): Promise<void> {
  const { req, url, params } = exchange
  const caller = place.authenticate(req)
  requireScope(caller, 'drive.files.update')
  const mask = fileMask(url)
  const metadata = readMetadata(await readJson(exchange), true)
  const plan = planUpdate(place, caller, url, params[0] ?? '', metadata, false)
  await answerFile(place, caller, await plan.carryOut(), exchange, mask)
}

export function deleteFile(place: Place, { req, res, url, params }: Exchange): void {
  const { tree } = place
  const caller = place.authenticate(req)
  requireScope(caller, 'drive.files.delete')
  const item = findFile(tree, caller, url, params[0] ?? '')
  if (!writesFile(caller, item)) throw appNotAuthorized(item.id)
  // Only the owner deletes for good; in a shared drive each writer here is an organizer.
  const role = roleOf(tree, caller.sub, item)
  const mayDelete = role === 'owner' || (item.driveId !== undefined && role === 'writer')
  if (!mayDelete || item.parent === undefined) throw insufficientFilePermissions()
  tree.remove(item)
  res.writeHead(204).end()
}

export function generateIds(place: Place, { req, res, url }: Exchange): void {
  const caller = place.authenticate(req)
  requireScope(caller, 'drive.files.generateIds')
  const count = wholeNumber(url, 'count', { least: 1, most: 1000, otherwise: 10 })
  const space = url.searchParams.get('space') || 'drive'
  if (space !== 'drive') throw invalidParameter('space')
  const type = url.searchParams.get('type') || 'files'
  if (type !== 'files' && type !== 'shortcuts') throw invalidParameter('type')
  const ids = place.tree.generateIds(caller.sub, count, type)
  answerJson(res, 200, { kind: 'drive#generatedIds', space, ids })
}

/** What the answer is to contain. @throws 400 for fields that files do not have */
export function fileMask(url: URL): Mask {
  const fields = url.searchParams.get('fields')
  return fields ? readMask(fields, fileShape) : defaultFields
}

/** Answers 200 and the file, with what a fault changes of it. */
export async function answerFile(
  { tree }: Pick<Place, 'tree'>,
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
  answerJson(res, 200, json)
}
