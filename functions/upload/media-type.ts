/** What type a file has whose sender says none, as curl's `-T` does: by the end of its name. */

/** Of the files that people look at in Drive itself, which needs their type to show them. */
const types = new Map(
  Object.entries({
    'application/gzip': 'gz tgz',
    'application/json': 'json',
    'application/msword': 'doc',
    'application/pdf': 'pdf',
    'application/vnd.ms-excel': 'xls',
    'application/vnd.ms-powerpoint': 'ppt',
    'application/vnd.oasis.opendocument.spreadsheet': 'ods',
    'application/vnd.oasis.opendocument.text': 'odt',
    'application/vnd.openxmlformats-officedocument.presentationml.presentation': 'pptx',
    'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
    'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
    'application/x-tar': 'tar',
    'application/xml': 'xml',
    'application/zip': 'zip',
    'audio/flac': 'flac',
    'audio/mpeg': 'mp3',
    'audio/ogg': 'ogg',
    'audio/wav': 'wav',
    'image/gif': 'gif',
    'image/heic': 'heic',
    'image/jpeg': 'jpg jpeg',
    'image/png': 'png',
    'image/svg+xml': 'svg',
    'image/tiff': 'tif tiff',
    'image/webp': 'webp',
    'text/css': 'css',
    'text/csv': 'csv',
    'text/html': 'html htm',
    'text/markdown': 'md',
    'text/plain': 'txt log',
    'video/mp4': 'mp4 m4v',
    'video/quicktime': 'mov',
    'video/webm': 'webm',
  }).flatMap(([type, extensions]) => extensions.split(' ').map((one) => [one, type] as const)),
)

/** @returns nothing where the name does not tell */
export function typeOf(name: string): string | undefined {
  const extension = /\.([^.]+)$/.exec(name)?.[1] ?? ''
  return types.get(extension.toLowerCase())
}
