/**
 * Creating and changing files. Preparing a mutation validates everything that is known before the
 * first byte; applying it makes the change visible.
 */
import type { Content } from './content-writer.ts'
import type { Caller } from './auth-context.ts'
import { canReadMetadata } from './auth-context.ts'
import { checkDepth, levelsOf } from './depth-limit.ts'
import { cannotAddParent, findParent, findWritable } from './permissions.ts'
import { DriveError, badRequest, fileNotFound, idInUse, invalidParameter } from './errors.ts'
import { exportTypes, isGoogleType } from './google-types.ts'
import type { Metadata } from './metadata.ts'
import type { DriveContext } from './service.ts'
import type { Item, Tree } from './tree.ts'
import { folderType, shortcutType } from './tree.ts'

export interface Mutation {
  /** @param mediaType of the request's media */
  apply(content?: Content, mediaType?: string): Promise<Item>
}

/** The maximum size of text that a full-text search finds. */
const maxIndexedBytes = 64 * 1024

export function prepareCreate(
  { tree }: Pick<DriveContext, 'tree'>,
  caller: Caller,
  url: URL,
  metadata: Metadata,
  hasMedia: boolean,
): Mutation {
  const { mimeType, id } = metadata
  const parent = findParent(tree, caller, url, metadata.parents)
  checkType(metadata, hasMedia)
  if (mimeType === folderType) checkDepth(tree, parent)
  if (id !== undefined) checkId(tree, caller, id, mimeType)
  if (mimeType === shortcutType) {
    const target = tree.get(metadata.shortcutTo ?? '')
    if (!target || !canReadMetadata(tree, caller, target))
      throw fileNotFound(metadata.shortcutTo ?? '')
  }
  return {
    async apply(content, mediaType) {
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

export function prepareUpdate(
  context: Pick<DriveContext, 'tree' | 'now'>,
  caller: Caller,
  url: URL,
  fileId: string,
  metadata: Metadata,
  hasMedia: boolean,
): Mutation {
  const { tree } = context
  const item = findWritable(tree, caller, url, fileId)
  if (item.parent === undefined && (metadata.trashed || metadata.name)) {
    throw new DriveError(403, 'insufficientFilePermissions', 'The root folder cannot be changed.')
  }
  if (hasMedia && !item.content && exportTypes(item.mimeType).length === 0) {
    throw badRequest('Only files with binary content accept new content.')
  }
  const parent = prepareMove(tree, caller, url, item)
  return {
    async apply(content, mediaType) {
      if (tree.get(item.id) !== item) {
        content?.discard()
        throw fileNotFound(item.id)
      }
      const type = metadata.mimeType || item.mimeType || mediaType || 'application/octet-stream'
      const isRename = Boolean(metadata.name) && metadata.name !== item.name
      const text = content && isText(type, content) ? await readText(content) : ''
      tree.record(item)
      if (content) {
        if (isGoogleType(type)) content.discard()
        else tree.replaceContent(item, content)
        item.text = text
        item.mimeType = type
      }
      if (parent) tree.move(item, parent.id)
      applyMetadata(caller, item, metadata)
      item.version++
      // Other changes of the metadata leave the time of modification.
      if (content || isRename) item.modifiedTime = metadata.modifiedTime ?? context.now()
      return item
    },
  }
}

/** Validates `addParents` and `removeParents`, which move a file. */
function prepareMove(tree: Tree, caller: Caller, url: URL, item: Item): Item | undefined {
  const added = list(url, 'addParents')
  const removed = list(url, 'removeParents').map((id) => resolveRootAlias(tree, caller, id))
  if (added.length === 0) {
    if (removed.includes(item.parent ?? '')) {
      throw new DriveError(403, 'cannotRemoveParent', 'A file must have exactly one parent.')
    }
    return undefined
  }
  const parent = findParent(tree, caller, url, added)
  if (parent.id === item.parent) return undefined
  // The owner's file moves even without removeParents.
  if (item.owner !== caller.sub && !removed.includes(item.parent ?? '')) throw cannotAddParent()
  for (let current: Item | undefined = parent; current; current = tree.parentOf(current)) {
    if (current === item) throw badRequest('A folder cannot be moved into itself.')
  }
  const levels = levelsOf(tree, item)
  if (levels > 0) checkDepth(tree, parent, levels)
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

function merge(target: Record<string, string>, changes: Record<string, string | null>): void {
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) delete target[key]
    else target[key] = value
  }
}

function checkType({ mimeType = '', shortcutTo }: Metadata, hasMedia: boolean): void {
  if (mimeType === shortcutType && !shortcutTo) {
    throw new DriveError(400, 'invalid', 'A shortcut requires shortcutDetails.targetId.')
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
  return (type.startsWith('text/') || isGoogleType(type)) && content.size <= maxIndexedBytes
}

async function readText(content: Content): Promise<string> {
  const parts: Buffer[] = []
  try {
    for await (const part of content.read(0, content.size)) parts.push(part)
  } catch {
    return '' // a store without storage
  }
  return Buffer.concat(parts).toString('utf8')
}

function list(url: URL, name: string): string[] {
  const value = url.searchParams.get(name)
  return value ? value.split(',').map((id) => id.trim()) : []
}

function resolveRootAlias(tree: Tree, caller: Caller, id: string): string {
  return id === 'root' ? tree.root(caller.sub).id : id
}
