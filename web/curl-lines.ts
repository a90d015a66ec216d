/** The lines that do in a terminal what the page does. */
import { strings } from './strings.ts'

export interface Line {
  readonly label: string
  readonly line: string
}

export function curlLines(origin: string, token: string, folder: string | null): Line[] {
  const curl = `curl -H ${quoted(`Authorization: Bearer ${token}`)}`
  const query = folder === null ? '' : `?${new URLSearchParams({ folder })}`
  const field = folder === null ? '' : ` -F ${quoted(`folder=${folder}`)}`
  const upload = quoted(`${origin}/upload`)
  return [
    { label: strings.lineList, line: `${curl} ${quoted(`${origin}/files${query}`)}` },
    { label: strings.lineUpload, line: `${curl}${field} -F 'file=@photo.jpg' ${upload}` },
    {
      label: strings.linePipe,
      line: `echo hello | ${curl}${field} -F 'file=@-;filename=notes.txt' ${upload}`,
    },
  ]
}

/** One word to a POSIX shell, whatever is in it. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`
}
