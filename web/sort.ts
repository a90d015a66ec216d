/** In what order files are listed, as the person last chose it. */
import { strings } from './strings.ts'

export type SortKey = 'name' | 'modified' | 'size'

export interface Sort {
  readonly by: SortKey
  readonly descending: boolean
}

/** Drive's own names for them; folders come first in each. */
const driveKeys: Readonly<Record<SortKey, string>> = {
  name: 'name_natural',
  modified: 'modifiedTime',
  size: 'quotaBytesUsed',
}

export const sortKeys = Object.keys(driveKeys) as SortKey[]

const place = 'driveway.sort'
const byName: Sort = { by: 'name', descending: false }

export function orderBy({ by, descending }: Sort): string {
  return `folder,${driveKeys[by]}${descending ? ' desc' : ''}`
}

/** The same key again turns the order round; dates and sizes begin with the newest and largest. */
export function nextSort({ by, descending }: Sort, chosen: SortKey): Sort {
  return { by: chosen, descending: by === chosen ? !descending : chosen !== 'name' }
}

export const sortName = ({ by, descending }: Sort): string =>
  strings.sorts[by][descending ? 'descending' : 'ascending']

export function readSort(): Sort {
  const [by, direction] = localStorage.getItem(place)?.split(' ') ?? []
  const known = sortKeys.find((key) => key === by)
  return known === undefined ? byName : { by: known, descending: direction === 'desc' }
}

export function keepSort({ by, descending }: Sort): void {
  localStorage.setItem(place, descending ? `${by} desc` : by)
}
