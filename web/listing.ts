/** The table of files: four columns on a wide window, two lines for each file on a narrow one. */
import { element } from './element.ts'
import { formatBytes, formatDate, formatMoment } from './format.ts'
import { icon } from './icons.ts'
import { appearanceOf, folderBehind } from './kinds.ts'
import { driveLink, folderLink, httpsLink } from './links.ts'
import { nameElement, visibleName } from './names.ts'
import { strings } from './strings.ts'
import { stepInto } from './trail.ts'
import type { Trail } from './trail.ts'
import type { DriveFile } from './wire.ts'

export interface Listing {
  readonly element: HTMLElement
  readonly size: number
  /** @returns the new rows; a file that is there already gets none */
  append(files: readonly DriveFile[]): HTMLElement[]
  /** Puts a file that has just been uploaded above the other files. */
  insert(file: DriveFile): void
}

// Roles are repeated because a table that CSS lays out otherwise is no table to some screen readers.
export function createListing(trail: Trail, label: string, open: (trail: Trail) => void): Listing {
  const known = new Set<string>()
  const body = element('tbody', { role: 'rowgroup' })
  const { name, kind, size, modified } = strings.columns
  const heads = Object.entries({ name, kind, size, modified }).map(([column, title]) =>
    element('th', { role: 'columnheader', scope: 'col', class: `cell-${column}` }, title),
  )
  const head = element('thead', { role: 'rowgroup' }, element('tr', { role: 'row' }, ...heads))
  const table = element(
    'table',
    { role: 'table', class: 'listing', 'aria-label': label },
    head,
    body,
  )

  function row(file: DriveFile): HTMLTableRowElement {
    known.add(file.id)
    return fileRow(file, trail, open)
  }

  return {
    element: table,
    get size() {
      return known.size
    },
    append(files) {
      const rows = files.filter(({ id }) => !known.has(id)).map(row)
      body.append(...rows)
      return rows
    },
    insert(file) {
      if (known.has(file.id)) return
      const fresh = row(file)
      fresh.classList.add('fresh')
      const firstFile = [...body.rows].find(({ dataset }) => dataset['kind'] !== 'folder')
      body.insertBefore(fresh, firstFile ?? null)
    },
  }
}

function fileRow(file: DriveFile, trail: Trail, open: (trail: Trail) => void): HTMLTableRowElement {
  const { label, icon: drawing } = appearanceOf(file)
  const symbol = element('span', { class: 'symbol' }, icon(drawing))
  if (file.shortcut !== null) symbol.append(icon('shortcut'))
  return element(
    'tr',
    { role: 'row', 'data-kind': file.kind },
    cell('name', symbol, readable(nameLink(file, trail, open))),
    cell('kind', label),
    cell('size', file.size === null ? null : formatBytes(file.size)),
    cell('modified', file.modified === null ? null : moment(file.modified)),
  )
}

/** A long name is cut off on the page; its tooltip has all of it. */
function readable(name: HTMLElement): HTMLElement {
  if (name.textContent.length > 60) name.title = name.textContent
  return name
}

function nameLink(file: DriveFile, trail: Trail, open: (trail: Trail) => void): HTMLElement {
  const name = nameElement(file.name)
  const folder = folderBehind(file)
  if (folder !== null) {
    const target = stepInto(trail, { id: folder, name: visibleName(file.name) })
    return folderLink(target, open, 'name', name)
  }
  const href = httpsLink(file.webViewLink)
  const made = href === null ? element('span', {}, name) : driveLink(href, name)
  made.classList.add('name')
  return made
}

function moment(date: Date): HTMLElement | null {
  if (Number.isNaN(date.getTime())) return null
  const attributes = { datetime: date.toISOString(), title: formatMoment(date) }
  return element('time', attributes, formatDate(date))
}

function cell(column: string, ...children: (Node | string | null)[]): HTMLTableCellElement {
  return element('td', { role: 'cell', class: `cell-${column}` }, ...children)
}

/** What stands in the place of the table until the first page is there. */
export function skeleton(): HTMLElement {
  const bars = Array.from({ length: 6 }, () => element('span', { class: 'bar' }))
  return element(
    'div',
    { class: 'skeleton' },
    element('p', { class: 'unseen' }, strings.loading),
    ...bars,
  )
}
