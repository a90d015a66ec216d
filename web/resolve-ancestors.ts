/** Resolves the ancestors of a folder and whether Driveway may add files to it. */
import { getFolder } from './api/client.ts'
import { visibleName } from './display-name.ts'
import type { Crumb, Breadcrumbs } from './breadcrumbs.ts'
import { currentFolder } from './breadcrumbs.ts'
import type { DriveFile } from './api/types.ts'

const maxDepth = 50

type FolderWithParents = Awaited<ReturnType<typeof getFolder>>

/** @returns the same array when everything is already known */
export async function resolveAncestors(
  crumbs: Breadcrumbs,
  signal: AbortSignal,
): Promise<Breadcrumbs> {
  const folder = currentFolder(crumbs)
  if (folder === null || (folder.writable !== undefined && folder.ancestorsUnknown !== true))
    return crumbs
  const { folder: item, parents } = await getFolder(folder.id, signal)
  if (folder.ancestorsUnknown !== true) return [...crumbs.slice(0, -1), toCrumb(item)]
  return [...(await ancestorsOf(parents[0], signal)), toCrumb(item)]
}

/** Collects the ancestors below My Drive, or up to the first one that is not accessible. */
async function ancestorsOf(parent: string | undefined, signal: AbortSignal): Promise<Crumb[]> {
  const ancestors: Crumb[] = []
  if (parent === undefined) return ancestors
  const root = await getFolder('root', signal).then(({ folder }) => folder.id, ignore)
  let next: string | undefined = parent
  while (next !== undefined && next !== root && ancestors.length < maxDepth) {
    const item: FolderWithParents | undefined = await getFolder(next, signal).catch(ignore)
    if (item === undefined) break
    ancestors.unshift(toCrumb(item.folder))
    next = item.parents[0]
  }
  return ancestors
}

const ignore = () => undefined

function toCrumb({ id, name, isAppAuthorized, canAddChildren }: DriveFile): Crumb {
  return { id, name: visibleName(name), writable: isAppAuthorized === true && canAddChildren }
}
