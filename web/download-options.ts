/** The download and export options of a file. */
import { strings } from './strings.ts'
import type { DriveFile, Profile } from './api/types.ts'

export interface DownloadOption {
  readonly label: string
  readonly href: string
  /** Whether Drive creates the content. It cannot be requested in part. */
  readonly isExport: boolean
}

const googleTypePrefix = 'application/vnd.google-apps.'

/** Values of the gateway's `as` parameter by document type, most common first. */
const exportFormats: Readonly<Record<string, readonly (keyof typeof strings.formats)[]>> = {
  document: ['pdf', 'docx', 'odt', 'txt', 'md'],
  spreadsheet: ['xlsx', 'pdf', 'ods', 'csv'],
  presentation: ['pdf', 'pptx', 'odp'],
  drawing: ['pdf', 'png', 'svg'],
}

/** @returns an empty list when the item has no content or Driveway may not read it */
export function downloadOptions(file: DriveFile, profile: Profile): DownloadOption[] {
  const { id, mimeType, kind } = target(file)
  if (kind === 'folder' || !isDownloadable(file, profile)) return []
  const path = `/files/${encodeURIComponent(id)}/content`
  if (kind === 'file') return [{ label: strings.download, href: path, isExport: false }]
  return (exportFormats[mimeType.replace(googleTypePrefix, '')] ?? []).map((format) => ({
    label: strings.downloadAs(strings.formats[format]),
    href: `${path}?as=${format}`,
    isExport: true,
  }))
}

/** `isAppAuthorized` of a shortcut describes the shortcut, not its target. */
function isDownloadable(
  { shortcut, isAppAuthorized, canDownload }: DriveFile,
  profile: Profile,
): boolean {
  if (profile === 'full') return canDownload
  return shortcut === null && isAppAuthorized === true && canDownload
}

function target({ id, mimeType, kind, shortcut }: DriveFile) {
  return shortcut === null
    ? { id, mimeType, kind }
    : { id: shortcut.targetId, mimeType: shortcut.mimeType, kind: shortcut.kind }
}
