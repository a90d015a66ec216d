/** Submits the sandbox's consent pages with plain HTTP requests, like a browser without scripts. */

export interface ConsentOptions {
  /** The account to choose on the account page; default the first. */
  email?: string
  /** Suffixes of the scopes to untick, such as `drive.file`. */
  untick?: string[]
  decision?: 'continue' | 'cancel'
}

/**
 * Completes an authorization request, up to the redirect to the app.
 *
 * @returns the redirect URI with its parameters; it is not requested
 * @throws with the text of the page when it is neither an account page nor a consent page
 */
export async function consent(
  authorizationUrl: string | URL,
  options: ConsentOptions = {},
): Promise<URL> {
  let response = await fetch(authorizationUrl, { redirect: 'manual' })
  for (let page = 0; page < 3; page++) {
    const location = response.headers.get('location')
    if (location !== null) return new URL(location)
    const html = await response.text()
    const form = readForm(html, options)
    if (!form) throw new Error(`Cannot submit the consent page: ${visibleText(html)}`)
    response = await fetch(authorizationUrl, { method: 'POST', body: form, redirect: 'manual' })
  }
  throw new Error('Cannot submit the consent page: too many pages')
}

function readForm(html: string, { email, untick = [], decision = 'continue' }: ConsentOptions) {
  const accounts = [...html.matchAll(/name="authuser" value="(\d)">([^]*?)<\/button>/g)]
  if (accounts.length > 0) {
    const account = accounts.find(([, , text]) => email === undefined || text?.includes(email))
    return new URLSearchParams({ authuser: account?.[1] ?? '' })
  }
  const authuser = /type="hidden" name="authuser" value="(\d)"/.exec(html)?.[1]
  if (authuser === undefined) return undefined
  const form = new URLSearchParams({ authuser, decision })
  for (const [, scope = ''] of html.matchAll(/type="checkbox" name="scope" value="([^"]*)"/g)) {
    if (!untick.some((suffix) => scope.endsWith(`/${suffix}`))) form.append('scope', scope)
  }
  return form
}

/** The text of a page, without markup. */
export function visibleText(html: string): string {
  return html
    .replace(/^[^]*<main>/, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replace(/\s+/g, ' ')
    .trim()
}
