/** Google's own document types, and what they can be exported as. */
const prefix = 'application/vnd.google-apps.'

const office = 'application/vnd.openxmlformats-officedocument.'

const exports: Record<string, string[]> = {
  [`${prefix}document`]: [
    'text/plain',
    'text/html',
    'text/markdown',
    'application/pdf',
    'application/rtf',
    `${office}wordprocessingml.document`,
    'application/vnd.oasis.opendocument.text',
  ],
  [`${prefix}spreadsheet`]: [
    'text/csv',
    'text/tab-separated-values',
    'application/pdf',
    `${office}spreadsheetml.sheet`,
    'application/vnd.oasis.opendocument.spreadsheet',
  ],
  [`${prefix}presentation`]: [
    'text/plain',
    'application/pdf',
    `${office}presentationml.presentation`,
    'application/vnd.oasis.opendocument.presentation',
  ],
  [`${prefix}drawing`]: ['image/png', 'image/svg+xml', 'application/pdf', 'image/jpeg'],
}

export function isGoogleType(mimeType: string): boolean {
  return mimeType.startsWith(prefix)
}

/** Empty when a file of this type cannot be exported. */
export function exportTypes(mimeType: string): string[] {
  return exports[mimeType] ?? []
}
