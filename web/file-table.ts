/**
 * The table of files: columns on a wide window, two lines for each file on a narrow one. Rows come
 * in groups of which the browser draws only those in view: ten thousand of them stay quick, and
 * each can be found, read out and reached with the keyboard.
 */
import { button, element } from './dom.ts'
import { openFileMenu } from './file-menu.ts'
import { fileRow } from './file-row.ts'
import type { RowOptions } from './file-row.ts'
import { icon } from './icons.ts'
import type { Problem } from './api/problem.ts'
import { nextSort, sortName } from './sort.ts'
import type { Sort, SortKey } from './sort.ts'
import { strings } from './strings.ts'
import type { DriveFile, Profile } from './api/types.ts'

const groupSize = 100

export interface Listing {
  readonly element: HTMLElement
  readonly size: number
  /** @returns the new rows; a file that is there already gets none */
  append(files: readonly DriveFile[]): HTMLElement[]
  /** Puts a new file above the other files, a new folder above the folders. */
  insert(file: DriveFile): HTMLElement | null
  /** There is no more to come. */
  complete(): void
}

export interface ListingOptions extends RowOptions {
  readonly label: string
  readonly profile: Profile
  readonly sort: Sort
  readonly sortBy: (sort: Sort) => void
  /** Called with a 401 that a download met. */
  readonly lost: (problem: Problem) => void
}

// Roles are repeated because a table that CSS lays out otherwise is no table to some screen readers.
export function createListing(options: ListingOptions): Listing {
  const known = new Map<string, DriveFile>()
  let group: HTMLElement | null = null
  let complete = false
  const table = element(
    'table',
    { role: 'table', class: 'listing', 'aria-label': options.label, 'aria-rowcount': -1 },
    heads(options),
  )

  function row(file: DriveFile): HTMLElement {
    known.set(file.id, file)
    return fileRow(file, options)
  }

  function add(fresh: HTMLElement): void {
    if (group === null || group.childElementCount >= groupSize) {
      group = element('tbody', { role: 'rowgroup' })
      table.append(group)
    }
    group.append(fresh)
  }

  function count(): void {
    if (complete) table.setAttribute('aria-rowcount', String(known.size + 1))
  }

  table.addEventListener('keydown', walk)
  table.addEventListener('click', ({ target }) => {
    const pressed = target instanceof Element ? target.closest<HTMLElement>('.icon-button') : null
    const file = known.get(pressed?.closest('tr')?.dataset['id'] ?? '')
    if (pressed && file) openFileMenu(pressed, file, options.profile, options.lost)
  })

  return {
    element: table,
    get size() {
      return known.size
    },
    append(files) {
      const rows = files.filter(({ id }) => !known.has(id)).map(row)
      rows.forEach(add)
      group?.style.setProperty('--rows', String(group.childElementCount))
      count()
      return rows
    },
    insert(file) {
      if (known.has(file.id)) return null
      const fresh = row(file)
      fresh.classList.add('fresh')
      const kind = file.kind === 'folder' ? '' : ':not([data-kind="folder"])'
      const next = table.querySelector(`tbody tr${kind}`)
      if (next === null) add(fresh)
      else next.before(fresh)
      count()
      return fresh
    },
    complete() {
      complete = true
      count()
    },
  }
}

function heads({ sort, sortBy }: ListingOptions): HTMLElement {
  const { name, kind, size, modified, actions } = strings.columns
  const sortable = (key: SortKey, title: string) => {
    const current = key === sort.by
    const arrow = current ? icon(sort.descending ? 'down' : 'up') : null
    const label = strings.sortBy(sortName(nextSort(sort, key)))
    const press = button([title, arrow], () => sortBy(nextSort(sort, key)), {
      class: 'head-button',
      title: label,
    })
    const direction = sort.descending ? 'descending' : 'ascending'
    return headCell(key, { 'aria-sort': current ? direction : null }, press)
  }
  return element(
    'thead',
    { role: 'rowgroup' },
    element(
      'tr',
      { role: 'row' },
      sortable('name', name),
      headCell('kind', {}, kind),
      sortable('size', size),
      sortable('modified', modified),
      headCell('actions', {}, element('span', { class: 'unseen' }, actions)),
    ),
  )
}

function headCell(column: string, more: Record<string, string | null>, child: Node | string) {
  const attributes = { role: 'columnheader', scope: 'col', class: `cell-${column}`, ...more }
  return element('th', attributes, child)
}

/** Up and down from file to file, left and right between its link and its button. */
function walk(event: KeyboardEvent): void {
  const { target, key } = event
  const row = target instanceof Element ? target.closest('tr') : null
  if (row?.dataset['id'] === undefined || event.ctrlKey || event.metaKey || event.altKey) return
  const inActions = target instanceof Element && target.closest('.cell-actions') !== null
  const goal = goalOf(key, row, inActions)
  if (goal === null) return
  event.preventDefault()
  goal.focus()
}

function goalOf(key: string, row: Element, inActions: boolean): HTMLElement | null {
  switch (key) {
    case 'ArrowDown':
      return stopIn(besideRow(row, 'nextElementSibling', 'firstElementChild'), inActions)
    case 'ArrowUp':
      return stopIn(besideRow(row, 'previousElementSibling', 'lastElementChild'), inActions)
    case 'ArrowLeft':
      return stopIn(row, false)
    case 'ArrowRight':
      return stopIn(row, true)
    default:
      return null
  }
}

function besideRow(
  row: Element,
  beside: 'nextElementSibling' | 'previousElementSibling',
  first: 'firstElementChild' | 'lastElementChild',
): Element | null {
  return row[beside] ?? row.parentElement?.[beside]?.[first] ?? null
}

const stopIn = (row: Element | null, inActions: boolean) =>
  row?.querySelector<HTMLElement>(inActions ? '.icon-button' : 'td a.name, td .icon-button') ?? null

/** What stands in the place of the table until the first page is there. */
export function skeleton(): HTMLElement {
  const bars = Array.from({ length: 7 }, () => element('span', { class: 'bar' }))
  return element(
    'div',
    { class: 'skeleton' },
    element('p', { class: 'unseen' }, strings.loading),
    ...bars,
  )
}
