/** The curl commands shown with a new token. */
import type { Snippet } from './copy-snippet.ts'
import { strings } from './strings.ts'
import type { CreatedToken } from './api/token-types.ts'

/** @param folder the target folder when the token is not restricted to one */
export function curlCommands(
  origin: string,
  { secret, scopes, folder: tokenFolder }: Pick<CreatedToken, 'secret' | 'scopes' | 'folder'>,
  folder: string | null,
): Snippet[] {
  const curl = `curl -H ${shellQuote(`Authorization: Bearer ${secret}`)}`
  const folderId = tokenFolder?.id ?? folder
  const query = folderId === null ? '' : `?${new URLSearchParams({ folder: folderId })}`
  const field = folderId === null ? '' : ` -F ${shellQuote(`folder=${folderId}`)}`
  const upload = shellQuote(`${origin}/upload`)
  const readSnippets = [
    { label: strings.curlList, code: `${curl} ${shellQuote(`${origin}/files${query}`)}` },
  ]
  const writeSnippets = [
    { label: strings.curlUpload, code: `${curl}${field} -F 'file=@photo.jpg' ${upload}` },
    {
      label: strings.curlPipe,
      code: `echo hello | ${curl}${field} -F 'file=@-;filename=notes.txt' ${upload}`,
    },
  ]
  return [
    ...(scopes.includes('files:read') ? readSnippets : []),
    ...(scopes.includes('upload') ? writeSnippets : []),
  ]
}

/** Quotes a value as one word of a POSIX shell. */
function shellQuote(value: string): string {
  return `'${value.replaceAll("'", `'\\''`)}'`
}
