/** The order of the list on a narrow window, where its columns have no heads to press. */
import { element } from './dom.ts'
import { sortKeys, sortName } from './sort.ts'
import type { Sort } from './sort.ts'
import { strings } from './strings.ts'

const sorts: readonly Sort[] = sortKeys.flatMap((by) => [
  { by, descending: by !== 'name' },
  { by, descending: by === 'name' },
])

export function createSortChoice(sortBy: (sort: Sort) => void) {
  const options = sorts.map((sort, index) => element('option', { value: index }, sortName(sort)))
  const choice = element('select', { 'aria-label': strings.sortLabel }, ...options)
  choice.addEventListener('change', () => {
    const wanted = sorts[choice.selectedIndex]
    if (wanted) sortBy(wanted)
  })
  return {
    element: element('div', { class: 'sort-choice' }, choice),
    show({ by, descending }: Sort): void {
      choice.selectedIndex = sorts.findIndex(
        (sort) => sort.by === by && sort.descending === descending,
      )
    },
  }
}
