/** The lines that do in a terminal what the page does. */
import type { Line } from './copy-snippet.ts'
import { strings } from './strings.ts'
import type { MadeToken } from './api/token-types.ts'

/** @param folder which folder they speak of, where the token is bound to none */
export function curlLines(
  origin: string,
  { secret, scopes, folder: bound }: Pick<MadeToken, 'secret' | 'scopes' | 'folder'>,
  folder: string | null,
): Line[] {
  const curl = `curl -H ${quoted(`Authorization: Bearer ${secret}`)}`
  const where = bound?.id ?? folder
  const query = where === null ? '' : `?${new URLSearchParams({ folder: where })}`
  const field = where === null ? '' : ` -F ${quoted(`folder=${where}`)}`
  const upload = quoted(`${origin}/upload`)
  const reading = [
    { label: strings.lineList, line: `${curl} ${quoted(`${origin}/files${query}`)}` },
  ]
  const writing = [
    { label: strings.lineUpload, line: `${curl}${field} -F 'file=@photo.jpg' ${upload}` },
    {
      label: strings.linePipe,
      line: `echo hello | ${curl}${field} -F 'file=@-;filename=notes.txt' ${upload}`,
    },
  ]
  return [
    ...(scopes.includes('files:read') ? reading : []),
    ...(scopes.includes('upload') ? writing : []),
  ]
}

/** One word to a POSIX shell, whatever is in it. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`
}
