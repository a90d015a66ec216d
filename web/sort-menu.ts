/** The sort menu of a narrow window, where the table has no column headers. */
import { element } from './dom.ts'
import { sortKeys, sortName } from './sort.ts'
import type { Sort } from './sort.ts'
import { strings } from './strings.ts'

const sorts: readonly Sort[] = sortKeys.flatMap((by) => [
  { by, descending: by !== 'name' },
  { by, descending: by === 'name' },
])

export function createSortMenu(onSort: (sort: Sort) => void) {
  const options = sorts.map((sort, index) => element('option', { value: index }, sortName(sort)))
  const select = element('select', { 'aria-label': strings.sortLabel }, ...options)
  select.addEventListener('change', () => {
    const selected = sorts[select.selectedIndex]
    if (selected) onSort(selected)
  })
  return {
    element: element('div', { class: 'sort-menu' }, select),
    show({ by, descending }: Sort): void {
      select.selectedIndex = sorts.findIndex(
        (sort) => sort.by === by && sort.descending === descending,
      )
    },
  }
}
