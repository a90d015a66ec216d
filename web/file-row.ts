/** One row of the file table: icon, linked name, kind, size, date and the actions button. */
import { element } from './dom.ts'
import { formatBytes, formatDate, formatDateTime } from './format.ts'
import { icon } from './icons.ts'
import { fileAppearance, folderTargetId } from './file-types.ts'
import { driveLink, httpsLink, routeLink } from './links.ts'
import { menuButton } from './menu.ts'
import { nameElement, visibleName } from './display-name.ts'
import { folderRoute } from './route.ts'
import { strings } from './strings.ts'
import type { Crumb } from './breadcrumbs.ts'
import type { DriveFile } from './api/types.ts'

export interface RowOptions {
  /** Opens a folder of the list. */
  readonly onOpenFolder: (folder: Crumb) => void
}

export function fileRow(file: DriveFile, options: RowOptions): HTMLTableRowElement {
  const { label, icon: iconName } = fileAppearance(file)
  const iconTile = element('span', { class: `icon-tile icon-tile-${iconName}` }, icon(iconName))
  if (file.shortcut !== null) iconTile.append(icon('shortcut'))
  return element(
    'tr',
    { role: 'row', 'data-kind': file.kind, 'data-id': file.id },
    cell('name', iconTile, withTooltip(nameLink(file, options))),
    cell('kind', label),
    cell('size', file.size === null ? null : formatBytes(file.size)),
    cell('modified', file.modified === null ? null : timeElement(file.modified)),
    cell('actions', actionsButton(file)),
  )
}

/** Adds the full name as a tooltip, because the layout truncates long names. */
function withTooltip(name: HTMLElement): HTMLElement {
  if (name.textContent.length > 60) name.title = name.textContent
  return name
}

function nameLink(file: DriveFile, { onOpenFolder }: RowOptions): HTMLElement {
  const name = nameElement(file.name)
  const folderId = folderTargetId(file)
  if (folderId !== null) {
    const crumb = { id: folderId, name: visibleName(file.name), ...knownWritability(file) }
    return routeLink(folderRoute([crumb]), () => onOpenFolder(crumb), 'name', name)
  }
  const href = httpsLink(file.webViewLink)
  const link = href === null ? element('span', {}, name) : driveLink(href, name)
  link.classList.add('name')
  return link
}

/** The metadata of a shortcut does not say whether its target is writable. */
function knownWritability({ shortcut, isAppAuthorized, canAddChildren }: DriveFile): {
  writable?: boolean
} {
  return shortcut !== null || isAppAuthorized === null
    ? {}
    : { writable: isAppAuthorized && canAddChildren }
}

function actionsButton(file: DriveFile): HTMLElement {
  const label = strings.actionsFor(visibleName(file.name))
  return menuButton({ class: 'icon-button', 'aria-label': label }, icon('more'))
}

function timeElement(date: Date): HTMLElement | null {
  if (Number.isNaN(date.getTime())) return null
  const attributes = { datetime: date.toISOString(), title: formatDateTime(date) }
  return element('time', attributes, formatDate(date))
}

function cell(column: string, ...children: (Node | string | null)[]): HTMLTableCellElement {
  return element('td', { role: 'cell', class: `cell-${column}` }, ...children)
}
