/** Google document types and their export formats. */
const prefix = 'application/vnd.google-apps.'

const office = 'application/vnd.openxmlformats-officedocument.'

const openDocument = 'application/vnd.oasis.opendocument.'

/** @see Google Drive API, "Export MIME types for Google Workspace documents" */
export const exportFormats: Record<string, string[]> = {
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

/** The Google types into which Drive converts an upload, by the type of the upload. */
export const importFormats: Record<string, string[]> = Object.fromEntries(
  [
    ['document', ['text/plain', 'text/html', 'text/markdown', 'text/rtf', 'application/rtf']],
    ['document', ['application/msword', `${office}wordprocessingml.document`]],
    ['document', [`${openDocument}text`, 'application/pdf', 'image/jpeg', 'image/png']],
    ['spreadsheet', ['text/csv', 'text/tab-separated-values', 'application/vnd.ms-excel']],
    ['spreadsheet', [`${office}spreadsheetml.sheet`, `${openDocument}spreadsheet`]],
    ['presentation', ['application/vnd.ms-powerpoint', `${openDocument}presentation`]],
    ['presentation', [`${office}presentationml.presentation`]],
  ].flatMap(([type, uploads]) =>
    (uploads as string[]).map((upload): [string, string[]] => [
      upload,
      [`${prefix}${String(type)}`],
    ]),
  ),
)

export function isGoogleType(mimeType: string): boolean {
  return mimeType.startsWith(prefix)
}

/** The export formats of a type; empty when it cannot be exported. */
export function exportTypes(mimeType: string): string[] {
  return exportFormats[mimeType] ?? []
}
