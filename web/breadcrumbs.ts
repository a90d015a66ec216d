/**
 * The breadcrumb path: the folders from My Drive down to the open one.
 * The URL holds only the last folder's id; sessionStorage keeps the ancestors until sign-out.
 */
import { strings } from './strings.ts'

export interface Crumb {
  readonly id: string
  readonly name: string
  /** Whether Driveway may add files to the folder; undefined until Drive's metadata is loaded. */
  readonly writable?: boolean
  /** Whether the ancestors are unknown, because a search or a URL opened the folder. */
  readonly ancestorsUnknown?: boolean
}

/** Empty for My Drive. */
export type Breadcrumbs = readonly Crumb[]

export const currentFolder = (crumbs: Breadcrumbs): Crumb | null => crumbs.at(-1) ?? null
export const isSameFolder = (a: Breadcrumbs, b: Breadcrumbs): boolean =>
  currentFolder(a)?.id === currentFolder(b)?.id
export const currentFolderName = (crumbs: Breadcrumbs): string =>
  currentFolder(crumbs)?.name ?? strings.root

/** Appends a folder, or truncates the path to it when it is already there (shortcuts can form cycles). */
export function pushCrumb(crumbs: Breadcrumbs, crumb: Crumb): Breadcrumbs {
  const index = crumbs.findIndex(({ id }) => id === crumb.id)
  return index < 0 ? [...crumbs, crumb] : crumbs.slice(0, index + 1)
}

export function saveBreadcrumbs(crumbs: Breadcrumbs): void {
  const folder = currentFolder(crumbs)
  if (folder !== null) sessionStorage.setItem(folder.id, JSON.stringify(crumbs))
}

export function clearBreadcrumbs(): void {
  sessionStorage.clear()
}

/** @returns `null` when this tab has not opened the folder */
export function loadBreadcrumbs(id: string): Breadcrumbs | null {
  const stored = sessionStorage.getItem(id)
  return stored === null ? null : (JSON.parse(stored) as Breadcrumbs)
}
