/** Finding a file that the caller may see or change, and the folder that a new one goes into. */
import type { Caller } from './auth-context.ts'
import { roleOf, seesMetadata, writesFile } from './auth-context.ts'
import { DriveError, appNotAuthorized, fileNotFound, invalidParameter } from './errors.ts'
import { flag } from './params.ts'
import type { Item, Tree } from './tree.ts'
import { folderType } from './tree.ts'

/**
 * The file that the caller names, `root` being an alias.
 *
 * @throws 404 when it is absent or hidden, or in a shared drive without `supportsAllDrives`
 */
export function findFile(tree: Tree, caller: Caller, url: URL, id: string): Item {
  const item = id === 'root' ? tree.root(caller.sub) : tree.get(id)
  if (!item || !seesMetadata(tree, caller, item)) throw fileNotFound(id)
  if (item.driveId && !flag(url, 'supportsAllDrives')) throw fileNotFound(id)
  return item
}

/** @throws like `findFile`, and 403 when the person or the application may only look */
export function findWritable(tree: Tree, caller: Caller, url: URL, id: string): Item {
  const item = findFile(tree, caller, url, id)
  if (!writesFile(caller, item)) throw appNotAuthorized(id)
  if (roleOf(tree, caller.sub, item) === 'reader') throw insufficientFilePermissions()
  return item
}

/** The folder for a new file: the caller's root unless the metadata names another. */
export function findParent(
  tree: Tree,
  caller: Caller,
  url: URL,
  parents: string[] | undefined,
): Item {
  const root = tree.root(caller.sub)
  const [id = 'root', ...others] = parents ?? []
  if (others.length > 0) {
    throw invalidParameter('parents', 'A file cannot be created with more than one parent.')
  }
  // Every application may put files into the root, even one that cannot see it.
  if (id === 'root' || id === root.id) return root
  const folder = findWritable(tree, caller, url, id)
  if (folder.mimeType !== folderType) {
    throw new DriveError(403, 'parentNotAFolder', 'The specified parent is not a folder.')
  }
  return folder
}

export function insufficientFilePermissions(): DriveError {
  const message = 'The user does not have sufficient permissions for this file.'
  return new DriveError(403, 'insufficientFilePermissions', message)
}
