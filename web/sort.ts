/** The sort order of the file list, kept in `localStorage`. */
import { strings } from './strings.ts'

export type SortKey = 'name' | 'modified' | 'size'

export interface Sort {
  readonly by: SortKey
  readonly descending: boolean
}

/** The sort keys of Drive's `orderBy`; folders come first in every order. */
const driveKeys: Readonly<Record<SortKey, string>> = {
  name: 'name_natural',
  modified: 'modifiedTime',
  size: 'quotaBytesUsed',
}

export const sortKeys = Object.keys(driveKeys) as SortKey[]

const storageKey = 'driveway.sort'
const defaultSort: Sort = { by: 'name', descending: false }

export function orderBy({ by, descending }: Sort): string {
  return `folder,${driveKeys[by]}${descending ? ' desc' : ''}`
}

/** Selecting the current key reverses the order; dates and sizes start with the newest and largest. */
export function nextSort({ by, descending }: Sort, key: SortKey): Sort {
  return { by: key, descending: by === key ? !descending : key !== 'name' }
}

export const sortName = ({ by, descending }: Sort): string =>
  strings.sorts[by][descending ? 'descending' : 'ascending']

export function loadSort(): Sort {
  const [by, direction] = localStorage.getItem(storageKey)?.split(' ') ?? []
  const sortKey = sortKeys.find((key) => key === by)
  return sortKey === undefined ? defaultSort : { by: sortKey, descending: direction === 'desc' }
}

export function saveSort({ by, descending }: Sort): void {
  localStorage.setItem(storageKey, descending ? `${by} desc` : by)
}
