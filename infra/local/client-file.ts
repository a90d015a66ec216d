/** `client_id.json`: the file of an OAuth client, downloaded from Google's console. */
import { readFile } from 'node:fs/promises'
import { CliError } from './cli-error.ts'

/**
 * Reads and validates a client file.
 *
 * @param redirectUri must be registered with the client
 * @returns the text of the file, for Secret Manager
 * @throws {CliError} with the steps in Google's console
 */
export async function readClientFile(file: string, redirectUri: string): Promise<string> {
  const text = await readFile(file, 'utf8')
  const client = readWebClient(text)
  if (typeof client === 'string') {
    throw new CliError(
      `Cannot use ${file}: it is ${client}. In Google’s console, create a client of type ` +
        `"Web application" with the redirect URI ${redirectUri} and download its JSON file`,
    )
  }
  if (!client.redirectUris.includes(redirectUri)) {
    throw new CliError(
      `Cannot use ${file}: its client does not list the redirect URI ${redirectUri}. ` +
        'Add it in Google’s console (Clients) and download the file again',
    )
  }
  return text
}

/** @returns the client, or a description of the file when it is not the file of a web client */
function readWebClient(text: string): { redirectUris: unknown[] } | string {
  let file: unknown
  try {
    file = JSON.parse(text)
  } catch {
    return 'not JSON'
  }
  const { web, installed } = Object(file) as { web?: unknown; installed?: unknown }
  if (installed !== undefined) return 'the file of a client of type "Desktop app"'
  const client = Object(web) as Record<'client_id' | 'client_secret' | 'redirect_uris', unknown>
  const { client_id: id, client_secret: secret, redirect_uris: redirectUris } = client
  if (typeof id !== 'string' || typeof secret !== 'string') return 'not a client file'
  return { redirectUris: Array.isArray(redirectUris) ? redirectUris : [] }
}
