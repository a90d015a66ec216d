/** Drive's limit on nested folders. @see Google Drive API, "Resolve errors" */
import { DriveError } from './errors.ts'
import type { Item, Tree } from './tree.ts'
import { folderType } from './tree.ts'

const maxLevels = 100

/** @throws 403 when a folder in this parent, with `levels` levels of folders, exceeds the limit */
export function checkDepth(tree: Tree, parent: Item, levels = 1): void {
  let depth = levels
  for (let above: Item | undefined = parent; above; above = tree.parentOf(above)) depth++
  if (depth - 1 <= maxLevels) return // the root is no level
  if (parent.driveId !== undefined) {
    const message = 'The shared drive hierarchy depth will exceed the limit.'
    throw new DriveError(403, 'teamDriveHierarchyTooDeep', message)
  }
  const message = `Your My Drive can't contain more than ${maxLevels} levels of folders.`
  throw new DriveError(403, 'myDriveHierarchyDepthLimitExceeded', message)
}

/** The levels of folders of an item: 0 for a file. */
export function levelsOf(tree: Tree, item: Item): number {
  if (item.mimeType !== folderType) return 0
  return 1 + Math.max(0, ...tree.children(item.id).map((child) => levelsOf(tree, child)))
}
