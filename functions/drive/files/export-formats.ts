/**
 * Export formats of Google's documents, by file extension.
 *
 * @see Google Drive API, "Export MIME types for Google Workspace documents"
 */

const office = 'application/vnd.openxmlformats-officedocument.'
const openDocument = 'application/vnd.oasis.opendocument.'

/** Media types by extension. The first one that Drive offers for the document is used. */
const formats: Record<string, readonly string[]> = {
  pdf: ['application/pdf'],
  docx: [`${office}wordprocessingml.document`],
  odt: [`${openDocument}text`],
  rtf: ['application/rtf'],
  txt: ['text/plain'],
  md: ['text/markdown'],
  html: ['text/html'],
  epub: ['application/epub+zip'],
  xlsx: [`${office}spreadsheetml.sheet`],
  ods: [`application/x-vnd.oasis.opendocument.spreadsheet`, `${openDocument}spreadsheet`],
  csv: ['text/csv'],
  tsv: ['text/tab-separated-values'],
  pptx: [`${office}presentationml.presentation`],
  odp: [`${openDocument}presentation`],
  png: ['image/png'],
  jpg: ['image/jpeg'],
  svg: ['image/svg+xml'],
  zip: ['application/zip'],
  mp4: ['video/mp4'],
  json: ['application/vnd.google-apps.script+json'],
}

export interface ExportFormat {
  mimeType: string
  /** Without a dot; `undefined` for a type without a common extension. */
  extension: string | undefined
}

/**
 * Chooses the export format for a requested extension or media type.
 *
 * @param types media types that Drive offers for the document
 * @returns `undefined` when Drive does not offer the format
 */
export function chooseFormat(
  requested: string,
  types: readonly string[],
): ExportFormat | undefined {
  const key = requested.toLowerCase()
  const candidates = Object.hasOwn(formats, key) ? (formats[key] ?? []) : [key]
  const mimeType = candidates.find((type) => types.includes(type))
  return mimeType === undefined ? undefined : { mimeType, extension: extensionOf(mimeType) }
}

/** Lists the formats that `chooseFormat` accepts for a document, as extensions where possible. */
export function formatNames(types: readonly string[]): string[] {
  return types.map((type) => extensionOf(type) ?? type)
}

function extensionOf(mimeType: string): string | undefined {
  return Object.keys(formats).find((name) => formats[name]?.includes(mimeType))
}
