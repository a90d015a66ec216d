/** What a person may download of a file, and as what. */
import { strings } from './strings.ts'
import type { DriveFile, Profile } from './api/types.ts'

export interface Download {
  readonly label: string
  readonly href: string
}

const google = 'application/vnd.google-apps.'

/** As the gateway names them in `as`; the first is what most people want. */
const formats: Readonly<Record<string, readonly (keyof typeof strings.formats)[]>> = {
  document: ['pdf', 'docx', 'odt', 'txt', 'md'],
  spreadsheet: ['xlsx', 'pdf', 'ods', 'csv'],
  presentation: ['pdf', 'pptx', 'odp'],
  drawing: ['pdf', 'png', 'svg'],
}

/** @returns nothing for what has no bytes, or none that Driveway may read */
export function downloadsOf(file: DriveFile, profile: Profile): Download[] {
  const { id, mimeType, kind } = target(file)
  if (kind === 'folder' || !isReadable(file, profile)) return []
  const path = `/files/${encodeURIComponent(id)}/content`
  if (kind === 'file') return [{ label: strings.download, href: path }]
  return (formats[mimeType.replace(google, '')] ?? []).map((format) => ({
    label: strings.downloadAs(strings.formats[format]),
    href: `${path}?as=${format}`,
  }))
}

/** A shortcut says of itself that Driveway made it, and nothing about its target. */
function isReadable({ shortcut, isOurs, canDownload }: DriveFile, profile: Profile): boolean {
  if (profile === 'full') return canDownload
  return shortcut === null && isOurs === true && canDownload
}

function target({ id, mimeType, kind, shortcut }: DriveFile) {
  return shortcut === null
    ? { id, mimeType, kind }
    : { id: shortcut.targetId, mimeType: shortcut.mimeType, kind: shortcut.kind }
}
