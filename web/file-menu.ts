/** What can be done with one file of the list. */
import { download } from './download.ts'
import { downloadsOf } from './download-options.ts'
import { isElsewhere } from './api/gateway-fetch.ts'
import { httpsLink } from './links.ts'
import { openMenu } from './menu.ts'
import type { MenuEntry } from './menu.ts'
import { visibleName } from './display-name.ts'
import type { Problem } from './api/problem.ts'
import { strings } from './strings.ts'
import type { DriveFile, Profile } from './api/types.ts'

export function openFileMenu(
  button: HTMLElement,
  file: DriveFile,
  profile: Profile,
  lost: (problem: Problem) => void,
): void {
  openMenu(button, strings.actionsFor(visibleName(file.name)), entriesFor(file, profile, lost))
}

function entriesFor(
  file: DriveFile,
  profile: Profile,
  lost: (problem: Problem) => void,
): MenuEntry[] {
  const href = httpsLink(file.webViewLink)
  const downloads = downloadsOf(file, profile).map(({ label, href: from }): MenuEntry => ({
    label,
    icon: 'download',
    does: isElsewhere
      ? () => void download({ path: from, name: file.name, size: file.size, lost })
      : { href: from, download: true },
  }))
  const isFolder = file.kind === 'folder' || file.shortcut?.kind === 'folder'
  return [
    ...(href === null
      ? []
      : [{ label: strings.openInDrive, icon: 'outside', does: { href } } as const]),
    ...downloads,
    ...(downloads.length > 0 || isFolder ? [] : [{ words: strings.noDownload }]),
  ]
}
