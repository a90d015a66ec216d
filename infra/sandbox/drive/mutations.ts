/**
 * Making and changing files: all that can be refused is refused when the plan is made, before any
 * byte has come; carrying it out is the moment in which the file becomes visible.
 */
import type { Content } from './blobs.ts'
import type { Caller } from './auth-context.ts'
import { seesMetadata } from './auth-context.ts'
import { findParent, findWritable } from './permissions.ts'
import { DriveError, badRequest, fileNotFound, idInUse, invalidParameter } from './errors.ts'
import { exportTypes, isGoogleType } from './google-types.ts'
import type { Metadata } from './metadata.ts'
import type { Place } from './service.ts'
import type { Item, Tree } from './tree.ts'
import { folderType, shortcutType } from './tree.ts'

/** @param mediaType what the request says the bytes are */
export interface Plan {
  carryOut(content?: Content, mediaType?: string): Promise<Item>
}

/** Text up to this size is found by a full-text search. */
const mostText = 64 * 1024

export function planCreate(
  { tree }: Pick<Place, 'tree'>,
  caller: Caller,
  url: URL,
  metadata: Metadata,
  hasMedia: boolean,
): Plan {
  const { mimeType, id } = metadata
  const parent = findParent(tree, caller, url, metadata.parents)
  checkType(metadata, hasMedia)
  if (id !== undefined) checkId(tree, caller, id, mimeType)
  if (mimeType === shortcutType) {
    const target = tree.get(metadata.shortcutTo ?? '')
    if (!target || !seesMetadata(tree, caller, target))
      throw fileNotFound(metadata.shortcutTo ?? '')
  }
  return {
    async carryOut(content, mediaType) {
      const type = mimeType || mediaType || 'application/octet-stream'
      const text = content && isText(type, content) ? await readText(content) : ''
      if (id !== undefined && tree.get(id)) {
        content?.discard()
        throw idInUse()
      }
      if (!tree.get(parent.id)) {
        content?.discard()
        throw fileNotFound(parent.id)
      }
      if (isGoogleType(type)) content?.discard()
      const item = tree.add({
        ...(id === undefined ? {} : { id }),
        name: metadata.name || 'Untitled',
        mimeType: type,
        parent: parent.id,
        owner: parent.driveId ? undefined : caller.sub,
        driveId: parent.driveId,
        apps: new Set([caller.clientId]),
        content: isGoogleType(type) ? undefined : content,
        text,
        shortcutTo: metadata.shortcutTo,
      })
      applyMetadata(caller, item, metadata)
      return item
    },
  }
}

export function planUpdate(
  place: Pick<Place, 'tree' | 'now'>,
  caller: Caller,
  url: URL,
  fileId: string,
  metadata: Metadata,
  hasMedia: boolean,
): Plan {
  const { tree } = place
  const item = findWritable(tree, caller, url, fileId)
  if (item.parent === undefined && (metadata.trashed || metadata.name)) {
    throw new DriveError(403, 'insufficientFilePermissions', 'The root folder stays as it is.')
  }
  if (hasMedia && !item.content && exportTypes(item.mimeType).length === 0) {
    throw badRequest('Only files with binary content take new content.')
  }
  const parent = planMove(tree, caller, url, item)
  return {
    async carryOut(content, mediaType) {
      if (tree.get(item.id) !== item) {
        content?.discard()
        throw fileNotFound(item.id)
      }
      const type = metadata.mimeType || item.mimeType || mediaType || 'application/octet-stream'
      if (content) {
        item.text = isText(type, content) ? await readText(content) : ''
        item.mimeType = type
        if (isGoogleType(type)) content.discard()
        else tree.replaceContent(item, content)
      }
      if (parent) tree.move(item, parent.id)
      applyMetadata(caller, item, metadata)
      item.version++
      item.modifiedTime = metadata.modifiedTime ?? place.now()
      return item
    },
  }
}

/** `addParents` and `removeParents`: out of the one folder and into the other. */
function planMove(tree: Tree, caller: Caller, url: URL, item: Item): Item | undefined {
  const added = list(url, 'addParents')
  const removed = list(url, 'removeParents').map((id) => nameRoot(tree, caller, id))
  if (added.length === 0) {
    if (removed.includes(item.parent ?? '')) {
      throw new DriveError(403, 'cannotRemoveParent', 'A file must have exactly one parent.')
    }
    return undefined
  }
  const parent = findParent(tree, caller, url, added)
  if (parent.id === item.parent) return undefined
  if (!removed.includes(item.parent ?? '')) {
    const message = 'Increasing the number of parents is not allowed'
    throw new DriveError(403, 'cannotAddParent', message)
  }
  for (let at: Item | undefined = parent; at; at = tree.parentOf(at)) {
    if (at === item) throw badRequest('A folder cannot be moved into itself.')
  }
  return parent
}

function applyMetadata(caller: Caller, item: Item, metadata: Metadata): void {
  const { name, starred, trashed, createdTime, modifiedTime } = metadata
  if (name) item.name = name
  if (starred !== undefined) item.starred = starred
  if (trashed !== undefined) item.trashed = trashed
  if (createdTime !== undefined) item.createdTime = createdTime
  if (modifiedTime !== undefined) item.modifiedTime = modifiedTime
  Object.assign(item.fields, metadata.fields)
  merge(item.properties, metadata.properties)
  const own = item.appProperties.get(caller.clientId) ?? {}
  merge(own, metadata.appProperties)
  item.appProperties.set(caller.clientId, own)
}

function merge(into: Record<string, string>, from: Record<string, string | null>): void {
  for (const [key, value] of Object.entries(from)) {
    if (value === null) delete into[key]
    else into[key] = value
  }
}

function checkType({ mimeType = '', shortcutTo }: Metadata, hasMedia: boolean): void {
  if (mimeType === shortcutType && !shortcutTo) {
    throw new DriveError(400, 'invalid', 'A shortcut needs shortcutDetails.targetId.')
  }
  if (mimeType !== shortcutType && shortcutTo) throw invalidParameter('shortcutDetails')
  if (hasMedia && (mimeType === folderType || mimeType === shortcutType)) {
    throw badRequest('Folders and shortcuts have no content.')
  }
}

function checkId(tree: Tree, caller: Caller, id: string, mimeType = ''): void {
  if (isGoogleType(mimeType) && mimeType !== folderType && mimeType !== shortcutType) {
    const message = 'Generated IDs are not supported for Docs Editors formats.'
    throw new DriveError(403, 'insufficientFilePermissions', message)
  }
  if (tree.get(id)) throw idInUse()
  if (!tree.isGenerated(caller.sub, id, mimeType === shortcutType ? 'shortcuts' : 'files')) {
    throw invalidParameter('file.id', 'The provided file ID is not usable.')
  }
}

function isText(type: string, content: Content): boolean {
  return (type.startsWith('text/') || isGoogleType(type)) && content.size <= mostText
}

async function readText(content: Content): Promise<string> {
  const parts: Buffer[] = []
  try {
    for await (const part of content.read(0, content.size)) parts.push(part)
  } catch {
    return '' // a store that keeps nothing
  }
  return Buffer.concat(parts).toString('utf8')
}

function list(url: URL, name: string): string[] {
  const value = url.searchParams.get(name)
  return value ? value.split(',').map((id) => id.trim()) : []
}

function nameRoot(tree: Tree, caller: Caller, id: string): string {
  return id === 'root' ? tree.root(caller.sub).id : id
}
