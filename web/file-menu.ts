/** The actions menu of a file. */
import { download } from './download.ts'
import { downloadOptions } from './download-options.ts'
import { isCrossOrigin } from './api/gateway-fetch.ts'
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
  onUnauthorized: (problem: Problem) => void,
): void {
  openMenu(
    button,
    strings.actionsFor(visibleName(file.name)),
    entriesFor(file, profile, onUnauthorized),
  )
}

function entriesFor(
  file: DriveFile,
  profile: Profile,
  onUnauthorized: (problem: Problem) => void,
): MenuEntry[] {
  const href = httpsLink(file.webViewLink)
  const { name, size } = file
  const downloads = downloadOptions(file, profile).map(
    ({ label, href: path, isExport }): MenuEntry => ({
      label,
      icon: 'download',
      action:
        isExport && !isCrossOrigin
          ? { href: path, download: true }
          : () => void download({ path, name, size, onUnauthorized }),
    }),
  )
  const isFolder = file.kind === 'folder' || file.shortcut?.kind === 'folder'
  return [
    ...(href === null
      ? []
      : [{ label: strings.openInDrive, icon: 'external-link', action: { href } } as const]),
    ...downloads,
    ...(downloads.length > 0 || isFolder ? [] : [{ text: strings.noDownload }]),
  ]
}
