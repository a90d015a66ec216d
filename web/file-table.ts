/**
 * The table of files: columns on a wide window, two lines per file on a narrow one. The browser lays
 * out only the row groups in view (`content-visibility`), so 10,000 rows stay fast and every row stays
 * reachable by in-page search, screen readers and the keyboard.
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

export interface FileTable {
  readonly element: HTMLElement
  readonly size: number
  /** @returns the new rows; files that are already in the table are skipped */
  append(files: readonly DriveFile[]): HTMLElement[]
  /** Inserts a file above the other files, or a folder above the other folders. */
  insert(file: DriveFile): HTMLElement | null
  /** Marks the list as fully loaded, which sets `aria-rowcount`. */
  complete(): void
}

export interface FileTableOptions extends RowOptions {
  readonly label: string
  readonly profile: Profile
  readonly sort: Sort
  readonly onSort: (sort: Sort) => void
  /** Called when a download gets a 401. */
  readonly onUnauthorized: (problem: Problem) => void
}

// Explicit roles: a table with another CSS display loses its semantics in some screen readers.
export function createFileTable(options: FileTableOptions): FileTable {
  const files = new Map<string, DriveFile>()
  let group: HTMLElement | null = null
  let isComplete = false
  const table = element(
    'table',
    { role: 'table', class: 'file-table', 'aria-label': options.label, 'aria-rowcount': -1 },
    headerRow(options),
  )

  function row(file: DriveFile): HTMLElement {
    files.set(file.id, file)
    return fileRow(file, options)
  }

  function add(newRow: HTMLElement): void {
    if (group === null || group.childElementCount >= groupSize) {
      group = element('tbody', { role: 'rowgroup' })
      table.append(group)
    }
    group.append(newRow)
  }

  function updateRowCount(): void {
    if (isComplete) table.setAttribute('aria-rowcount', String(files.size + 1))
  }

  table.addEventListener('keydown', moveFocus)
  table.addEventListener('click', ({ target }) => {
    const actionsButton =
      target instanceof Element ? target.closest<HTMLElement>('.icon-button') : null
    const file = files.get(actionsButton?.closest('tr')?.dataset['id'] ?? '')
    if (actionsButton && file)
      openFileMenu(actionsButton, file, options.profile, options.onUnauthorized)
  })

  return {
    element: table,
    get size() {
      return files.size
    },
    append(newFiles) {
      const rows = newFiles.filter(({ id }) => !files.has(id)).map(row)
      rows.forEach(add)
      group?.style.setProperty('--rows', String(group.childElementCount))
      updateRowCount()
      return rows
    },
    insert(file) {
      if (files.has(file.id)) return null
      const newRow = row(file)
      newRow.classList.add('new-row')
      const kind = file.kind === 'folder' ? '' : ':not([data-kind="folder"])'
      const nextRow = table.querySelector(`tbody tr${kind}`)
      if (nextRow === null) add(newRow)
      else nextRow.before(newRow)
      updateRowCount()
      return newRow
    },
    complete() {
      isComplete = true
      updateRowCount()
    },
  }
}

function headerRow({ sort, onSort }: FileTableOptions): HTMLElement {
  const { name, kind, size, modified, actions } = strings.columns
  const sortableCell = (key: SortKey, title: string) => {
    const isCurrent = key === sort.by
    const arrow = isCurrent ? icon(sort.descending ? 'down' : 'up') : null
    const label = strings.sortBy(sortName(nextSort(sort, key)))
    const sortButton = button([title, arrow], () => onSort(nextSort(sort, key)), {
      class: 'sort-button',
      title: label,
    })
    const direction = sort.descending ? 'descending' : 'ascending'
    return headerCell(key, { 'aria-sort': isCurrent ? direction : null }, sortButton)
  }
  return element(
    'thead',
    { role: 'rowgroup' },
    element(
      'tr',
      { role: 'row' },
      sortableCell('name', name),
      headerCell('kind', {}, kind),
      sortableCell('size', size),
      sortableCell('modified', modified),
      headerCell('actions', {}, element('span', { class: 'visually-hidden' }, actions)),
    ),
  )
}

function headerCell(
  column: string,
  extraAttributes: Record<string, string | null>,
  child: Node | string,
) {
  const attributes = {
    role: 'columnheader',
    scope: 'col',
    class: `cell-${column}`,
    ...extraAttributes,
  }
  return element('th', attributes, child)
}

/** Up and Down move between rows, Left and Right between a row's link and its actions button. */
function moveFocus(event: KeyboardEvent): void {
  const { target, key } = event
  const row = target instanceof Element ? target.closest('tr') : null
  if (row?.dataset['id'] === undefined || event.ctrlKey || event.metaKey || event.altKey) return
  const isInActions = target instanceof Element && target.closest('.cell-actions') !== null
  const next = focusTarget(key, row, isInActions)
  if (next === null) return
  event.preventDefault()
  next.focus()
}

function focusTarget(key: string, row: Element, isInActions: boolean): HTMLElement | null {
  switch (key) {
    case 'ArrowDown':
      return focusableIn(adjacentRow(row, 'nextElementSibling', 'firstElementChild'), isInActions)
    case 'ArrowUp':
      return focusableIn(
        adjacentRow(row, 'previousElementSibling', 'lastElementChild'),
        isInActions,
      )
    case 'ArrowLeft':
      return focusableIn(row, false)
    case 'ArrowRight':
      return focusableIn(row, true)
    default:
      return null
  }
}

function adjacentRow(
  row: Element,
  sibling: 'nextElementSibling' | 'previousElementSibling',
  edgeChild: 'firstElementChild' | 'lastElementChild',
): Element | null {
  return row[sibling] ?? row.parentElement?.[sibling]?.[edgeChild] ?? null
}

const focusableIn = (row: Element | null, isInActions: boolean) =>
  row?.querySelector<HTMLElement>(isInActions ? '.icon-button' : 'td a.name, td .icon-button') ??
  null

/** The placeholder shown until the first page is loaded. */
export function loadingSkeleton(): HTMLElement {
  const bars = Array.from({ length: 7 }, () => element('span', { class: 'skeleton-bar' }))
  return element(
    'div',
    { class: 'skeleton' },
    element('p', { class: 'visually-hidden' }, strings.loading),
    ...bars,
  )
}
