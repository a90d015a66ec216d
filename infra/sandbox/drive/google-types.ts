/** Google document types and their export formats. */
const prefix = 'application/vnd.google-apps.'

const office = 'application/vnd.openxmlformats-officedocument.'

const openDocument = 'application/vnd.oasis.opendocument.'

/** @see Google Drive API, "Export MIME types for Google Workspace documents" */
const exports: Record<string, string[]> = {
  [`${prefix}document`]: [
    `${office}wordprocessingml.document`,
    `${openDocument}text`,
    'application/rtf',
    'application/pdf',
    'text/plain',
    'application/zip',
    'application/epub+zip',
    'text/markdown',
    'text/html',
  ],
  [`${prefix}spreadsheet`]: [
    `${office}spreadsheetml.sheet`,
    `application/x-vnd.oasis.opendocument.spreadsheet`,
    'application/pdf',
    'application/zip',
    'text/csv',
    'text/tab-separated-values',
  ],
  [`${prefix}presentation`]: [
    `${office}presentationml.presentation`,
    `${openDocument}presentation`,
    'application/pdf',
    'text/plain',
    'image/jpeg',
    'image/png',
    'image/svg+xml',
  ],
  [`${prefix}drawing`]: ['application/pdf', 'image/jpeg', 'image/png', 'image/svg+xml'],
  [`${prefix}script`]: [`${prefix}script+json`],
  [`${prefix}vid`]: ['video/mp4'],
}

export function isGoogleType(mimeType: string): boolean {
  return mimeType.startsWith(prefix)
}

/** The export formats of a type; empty when it cannot be exported. */
export function exportTypes(mimeType: string): string[] {
  return exports[mimeType] ?? []
}
