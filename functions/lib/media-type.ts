/** Media types of files. */
import { mediaTypes } from './media-types.ts'

/** The media type of a file about which nothing is known. */
export const defaultMediaType = 'application/octet-stream'

/** Types that clients declare for any file: `application/octet-stream`, and by `curl --data-binary`. */
const undeclared = [defaultMediaType, 'application/x-www-form-urlencoded']

/** Whether text is a media type without parameters. @see RFC 6838 section 4.2 */
export function isMediaType(text: string): boolean {
  return /^[\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127}$/.test(text)
}

/**
 * Returns the media type of a file: the declared one, or the one of the file name's extension. Drive
 * previews and searches files by their type.
 *
 * @param declared in lower case, as the client sent it
 */
export function mediaTypeOf(name: string, declared = defaultMediaType): string {
  if (!undeclared.includes(declared)) return declared
  const extension = /\.([^.]+)$/.exec(name)?.[1] ?? ''
  return readTypes().get(extension.toLowerCase()) ?? defaultMediaType
}

let types: ReadonlyMap<string, string> | undefined

/** Reads the table at its first use: most instances of the other functions never need it. */
function readTypes(): ReadonlyMap<string, string> {
  types ??= new Map(
    Object.entries(mediaTypes).flatMap(([group, entries]) =>
      entries
        .trim()
        .split(/\s+/)
        .flatMap((entry) => {
          const [subtype = '', extensions = ''] = entry.split(':')
          return extensions.split(',').map((name) => [name, `${group}/${subtype}`] as const)
        }),
    ),
  )
  return types
}
