/** `client_id.json`: the file that Google's console gives for an OAuth client. */
import { readFile } from 'node:fs/promises'
import { CliError } from './cli-error.ts'

/**
 * Reads and checks the file of a client.
 *
 * @param redirectUri has to be one of the client's
 * @returns its text, for Secret Manager
 * @throws {CliError} saying what to do at Google's console
 */
export async function readClientFile(file: string, redirectUri: string): Promise<string> {
  const text = await readFile(file, 'utf8')
  const client = readWebClient(text)
  if (typeof client === 'string') {
    throw new CliError(
      `Cannot use ${file}: it is ${client}. At Google’s console, create a client of type ` +
        `"Web application" with the redirect URI ${redirectUri} and download its JSON file`,
    )
  }
  if (!client.redirectUris.includes(redirectUri)) {
    throw new CliError(
      `Cannot use ${file}: its client does not list the redirect URI ${redirectUri}. ` +
        'Add it at Google’s console (Clients) and download the file again',
    )
  }
  return text
}

/** @returns what the file is instead, where it is no web client's */
function readWebClient(text: string): { redirectUris: unknown[] } | string {
  let file: unknown
  try {
    file = JSON.parse(text)
  } catch {
    return 'not JSON'
  }
  const { web, installed } = Object(file) as { web?: unknown; installed?: unknown }
  if (installed !== undefined) return 'of a client of type "Desktop app"'
  const client = Object(web) as Record<'client_id' | 'client_secret' | 'redirect_uris', unknown>
  const { client_id: id, client_secret: secret, redirect_uris: redirectUris } = client
  if (typeof id !== 'string' || typeof secret !== 'string') return 'not the file of a client'
  return { redirectUris: Array.isArray(redirectUris) ? redirectUris : [] }
}
