/** The way to a folder that this tab did not walk to, and whether Driveway may add to it. */
import { getFolder } from './api/client.ts'
import { visibleName } from './display-name.ts'
import type { Step, Trail } from './breadcrumbs.ts'
import { folderOf } from './breadcrumbs.ts'
import type { DriveFile } from './api/types.ts'

const deepest = 50

type Found = Awaited<ReturnType<typeof getFolder>>

/** @returns the same trail when there is nothing to find out */
export async function findWay(trail: Trail, signal: AbortSignal): Promise<Trail> {
  const folder = folderOf(trail)
  if (folder === null || (folder.writable !== undefined && folder.unplaced !== true)) return trail
  const { folder: found, parents } = await getFolder(folder.id, signal)
  if (folder.unplaced !== true) return [...trail.slice(0, -1), stepOf(found)]
  return [...(await above(parents[0], signal)), stepOf(found)]
}

/** From below My Drive, or from as far up as may be seen. */
async function above(parent: string | undefined, signal: AbortSignal): Promise<Step[]> {
  const steps: Step[] = []
  if (parent === undefined) return steps
  const root = await getFolder('root', signal).then(({ folder }) => folder.id, none)
  let next: string | undefined = parent
  while (next !== undefined && next !== root && steps.length < deepest) {
    const found: Found | undefined = await getFolder(next, signal).catch(none)
    if (found === undefined) break
    steps.unshift(stepOf(found.folder))
    next = found.parents[0]
  }
  return steps
}

const none = () => undefined

function stepOf({ id, name, isOurs, canAddChildren }: DriveFile): Step {
  return { id, name: visibleName(name), writable: isOurs === true && canAddChildren }
}
