/** Finds files with permission checks, and the parent of a new file. */
import type { Caller } from './auth-context.ts'
import { roleOf, canReadMetadata, canWriteFile, mayWrite } from './auth-context.ts'
import { DriveError, appNotAuthorized, fileNotFound } from './errors.ts'
import { readBoolean } from './params.ts'
import type { Item, Tree } from './tree.ts'
import { folderType } from './tree.ts'

/**
 * Finds a readable file; `root` is an alias.
 *
 * @throws 404 when it is absent or inaccessible, or in a shared drive without `supportsAllDrives`
 */
export function findFile(tree: Tree, caller: Caller, url: URL, id: string): Item {
  const item = id === 'root' ? tree.root(caller.sub) : tree.get(id)
  if (!item || !canReadMetadata(tree, caller, item)) throw fileNotFound(id)
  if (item.driveId && !readBoolean(url, 'supportsAllDrives')) throw fileNotFound(id)
  return item
}

/** @throws like `findFile`, and 403 when the user or the application may only read */
export function findWritable(tree: Tree, caller: Caller, url: URL, id: string): Item {
  const item = findFile(tree, caller, url, id)
  if (!canWriteFile(caller, item)) throw appNotAuthorized(id)
  if (!mayWrite(roleOf(tree, caller.sub, item))) throw insufficientFilePermissions()
  return item
}

/** The parent of a new file; default the caller's root. */
export function findParent(
  tree: Tree,
  caller: Caller,
  url: URL,
  parents: string[] | undefined,
): Item {
  const root = tree.root(caller.sub)
  const [id = 'root', ...others] = parents ?? []
  if (others.length > 0) throw cannotAddParent()
  // Every application may add files to the root, even without read access to it.
  if (id === 'root' || id === root.id) return root
  const folder = findFile(tree, caller, url, id)
  if (!canWriteFile(caller, folder)) throw appNotAuthorized(id)
  if (!mayWrite(roleOf(tree, caller.sub, folder))) throw insufficientParentPermissions()
  if (folder.mimeType !== folderType) {
    throw new DriveError(403, 'parentNotAFolder', 'The specified parent is not a folder.')
  }
  return folder
}

/** A file has one parent. */
export function cannotAddParent(): DriveError {
  const message = 'Increasing the number of parents is not allowed'
  return new DriveError(403, 'cannotAddParent', message)
}

function insufficientParentPermissions(): DriveError {
  const message = 'Insufficient permissions for the specified parent.'
  return new DriveError(403, 'insufficientParentPermissions', message)
}

export function insufficientFilePermissions(): DriveError {
  const message = 'The user does not have sufficient permissions for this file.'
  return new DriveError(403, 'insufficientFilePermissions', message)
}
