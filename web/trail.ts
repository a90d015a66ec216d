/**
 * Where in Drive the page is: the folders from My Drive down to the open one.
 * The address holds only the last folder's id; the names on the way live in sessionStorage, until sign-out.
 */
import { strings } from './strings.ts'

export interface Step {
  readonly id: string
  readonly name: string
}

/** Empty in My Drive itself. */
export type Trail = readonly Step[]

export const folderOf = (trail: Trail): Step | null => trail.at(-1) ?? null
export const nameOf = (trail: Trail): string => folderOf(trail)?.name ?? strings.root

export function addressOf(trail: Trail): string {
  const folder = folderOf(trail)
  return folder === null ? '/' : `/?${new URLSearchParams({ folder: folder.id })}`
}

/** One step down, or back up when the folder is already on the way (shortcuts can make circles). */
export function stepInto(trail: Trail, step: Step): Trail {
  const at = trail.findIndex(({ id }) => id === step.id)
  return at < 0 ? [...trail, step] : trail.slice(0, at + 1)
}

export function rememberTrail(trail: Trail): void {
  const folder = folderOf(trail)
  if (folder !== null) sessionStorage.setItem(folder.id, JSON.stringify(trail))
}

export function forgetTrails(): void {
  sessionStorage.clear()
}

/** The trail to the folder in the address; a folder that this tab did not walk to stands alone. */
export function readTrail(search: string): Trail {
  const id = new URLSearchParams(search).get('folder')
  if (id === null || id === '') return []
  const remembered = sessionStorage.getItem(id)
  return remembered === null
    ? [{ id, name: strings.someFolder }]
    : (JSON.parse(remembered) as Trail)
}
