/** Clicks through the sandbox's consent pages with plain requests, as a browser without scripts does. */

export interface Clicks {
  /** Which account to choose where there is a choice; the first unless said. */
  email?: string
  /** Ends of the scopes to untick, such as `drive.file`. */
  untick?: string[]
  answer?: 'continue' | 'cancel'
}

/**
 * Follows an authorization request to its callback.
 *
 * @returns the address that the browser would open next, which is the app's
 * @throws with the page's text when the sandbox shows anything but a choice or a consent
 */
export async function consent(authorizationUrl: string | URL, clicks: Clicks = {}): Promise<URL> {
  let response = await fetch(authorizationUrl, { redirect: 'manual' })
  for (let page = 0; page < 3; page++) {
    const location = response.headers.get('location')
    if (location !== null) return new URL(location)
    const html = await response.text()
    const form = readForm(html, clicks)
    if (!form) throw new Error(`Cannot click through: ${textOf(html)}`)
    response = await fetch(authorizationUrl, { method: 'POST', body: form, redirect: 'manual' })
  }
  throw new Error('Cannot click through: too many pages')
}

function readForm(html: string, { email, untick = [], answer = 'continue' }: Clicks) {
  const accounts = [...html.matchAll(/name="authuser" value="(\d)">([^]*?)<\/button>/g)]
  if (accounts.length > 0) {
    const account = accounts.find(([, , text]) => email === undefined || text?.includes(email))
    return new URLSearchParams({ authuser: account?.[1] ?? '' })
  }
  const authuser = /type="hidden" name="authuser" value="(\d)"/.exec(html)?.[1]
  if (authuser === undefined) return undefined
  const form = new URLSearchParams({ authuser, answer })
  for (const [, scope = ''] of html.matchAll(/type="checkbox" name="scope" value="([^"]*)"/g)) {
    if (!untick.some((end) => scope.endsWith(`/${end}`))) form.append('scope', scope)
  }
  return form
}

/** What a page says, without its markup. */
export function textOf(html: string): string {
  return html
    .replace(/^[^]*<main>/, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replace(/\s+/g, ' ')
    .trim()
}
