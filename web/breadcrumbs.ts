/**
 * Where in Drive the page is: the folders from My Drive down to the open one.
 * The address holds only the last folder's id; the names on the way live in sessionStorage, until sign-out.
 */
import { strings } from './strings.ts'

export interface Step {
  readonly id: string
  readonly name: string
  /** Whether Driveway may add to the folder; unknown until Drive has been asked. */
  readonly writable?: boolean
  /** Whether the folders above it are not known: a search or an address led to it. */
  readonly unplaced?: boolean
}

/** Empty in My Drive itself. */
export type Trail = readonly Step[]

export const folderOf = (trail: Trail): Step | null => trail.at(-1) ?? null
export const isSameFolder = (one: Trail, other: Trail): boolean =>
  folderOf(one)?.id === folderOf(other)?.id
export const nameOf = (trail: Trail): string => folderOf(trail)?.name ?? strings.root

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

/** @returns `null` for a folder that this tab has not been in */
export function recallTrail(id: string): Trail | null {
  const remembered = sessionStorage.getItem(id)
  return remembered === null ? null : (JSON.parse(remembered) as Trail)
}
