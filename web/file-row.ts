/** One file of the list: its name, which leads to it, what it is, and a button with what can be done. */
import { element } from './dom.ts'
import { formatBytes, formatDate, formatMoment } from './format.ts'
import { icon } from './icons.ts'
import { appearanceOf, folderBehind } from './file-types.ts'
import { driveLink, httpsLink, placeLink } from './links.ts'
import { menuButton } from './menu.ts'
import { nameElement, visibleName } from './display-name.ts'
import { inFolder } from './route.ts'
import { strings } from './strings.ts'
import type { Step } from './breadcrumbs.ts'
import type { DriveFile } from './api/types.ts'

export interface RowOptions {
  /** Goes into a folder of the list. */
  readonly open: (folder: Step) => void
}

export function fileRow(file: DriveFile, options: RowOptions): HTMLTableRowElement {
  const { label, icon: drawing } = appearanceOf(file)
  const symbol = element('span', { class: `symbol symbol-${drawing}` }, icon(drawing))
  if (file.shortcut !== null) symbol.append(icon('shortcut'))
  return element(
    'tr',
    { role: 'row', 'data-kind': file.kind, 'data-id': file.id },
    cell('name', symbol, readable(nameLink(file, options))),
    cell('kind', label),
    cell('size', file.size === null ? null : formatBytes(file.size)),
    cell('modified', file.modified === null ? null : moment(file.modified)),
    cell('actions', actions(file)),
  )
}

/** A long name is cut off on the page; its tooltip has all of it. */
function readable(name: HTMLElement): HTMLElement {
  if (name.textContent.length > 60) name.title = name.textContent
  return name
}

function nameLink(file: DriveFile, { open }: RowOptions): HTMLElement {
  const name = nameElement(file.name)
  const folder = folderBehind(file)
  if (folder !== null) {
    const step = { id: folder, name: visibleName(file.name), ...writable(file) }
    return placeLink(inFolder([step]), () => open(step), 'name', name)
  }
  const href = httpsLink(file.webViewLink)
  const made = href === null ? element('span', {}, name) : driveLink(href, name)
  made.classList.add('name')
  return made
}

/** Of a shortcut's target nothing is known yet. */
function writable({ shortcut, isOurs, canAddChildren }: DriveFile): { writable?: boolean } {
  return shortcut !== null || isOurs === null ? {} : { writable: isOurs && canAddChildren }
}

function actions(file: DriveFile): HTMLElement {
  const label = strings.actionsFor(visibleName(file.name))
  return menuButton({ class: 'icon-button', 'aria-label': label }, icon('more'))
}

function moment(date: Date): HTMLElement | null {
  if (Number.isNaN(date.getTime())) return null
  const attributes = { datetime: date.toISOString(), title: formatMoment(date) }
  return element('time', attributes, formatDate(date))
}

function cell(column: string, ...children: (Node | string | null)[]): HTMLTableCellElement {
  return element('td', { role: 'cell', class: `cell-${column}` }, ...children)
}
