/**
 * What Google's documents can be exported as, by the names that files of that kind end with.
 *
 * @see Google Drive API, "Export MIME types for Google Workspace documents"
 */

const office = 'application/vnd.openxmlformats-officedocument.'
const openDocument = 'application/vnd.oasis.opendocument.'

/** By extension; the first of several media types that a document has is taken. */
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
  /** Without a dot; nothing where files of this type have no usual one. */
  extension: string | undefined
}

/**
 * @param wanted an extension, or a media type
 * @param types that Drive offers for the document
 * @returns nothing where the document cannot become that
 */
export function chooseFormat(wanted: string, types: readonly string[]): ExportFormat | undefined {
  const word = wanted.toLowerCase()
  const known = Object.hasOwn(formats, word) ? (formats[word] ?? []) : [word]
  const mimeType = known.find((type) => types.includes(type))
  return mimeType === undefined ? undefined : { mimeType, extension: extensionOf(mimeType) }
}

/** What `chooseFormat` takes for a document: short names where there are any. */
export function formatNames(types: readonly string[]): string[] {
  return types.map((type) => extensionOf(type) ?? type)
}

function extensionOf(mimeType: string): string | undefined {
  return Object.keys(formats).find((name) => formats[name]?.includes(mimeType))
}
