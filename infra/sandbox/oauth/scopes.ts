/** The scopes that the sandbox knows, and how Google rewrites them in its answers. */

const api = 'https://www.googleapis.com/auth/'

/** In the order in which the consent page lists them. */
const known: Record<string, string> = {
  openid: 'Recognise you by an account number',
  [`${api}userinfo.email`]: 'See your e-mail address',
  [`${api}userinfo.profile`]: 'See your name',
  [`${api}drive.file`]: 'See, change and create only the files that you use with this app',
  [`${api}drive.appdata`]: 'Keep its own settings in a hidden folder of your Drive',
  [`${api}drive.install`]: 'Appear in the “Open with” menu of your Drive',
  [`${api}drive.metadata.readonly`]:
    'See the names and details of all your files, but not what is in them',
  [`${api}drive.metadata`]:
    'See and change the names and details of all your files, but not what is in them',
  [`${api}drive.readonly`]: 'See and download all your files',
  [`${api}drive`]: 'See, change, create and delete all your files',
  [`${api}drive.scripts`]: 'Change what your Apps Script programs do',
  [`${api}drive.meet.readonly`]: 'See and download files that Meet made',
  [`${api}drive.activity`]: 'See the history of your files and add to it',
  [`${api}drive.activity.readonly`]: 'See the history of your files',
}
const order = Object.keys(known)
const signIn = new Set(order.slice(0, 3))

/** What the consent page says of a scope; undefined for one that does not exist. */
export function describeScope(scope: string): string | undefined {
  return Object.hasOwn(known, scope) ? known[scope] : undefined
}

/** Sign-in scopes have no checkbox: whoever continues grants them. */
export function isSignInScope(scope: string): boolean {
  return signIn.has(scope)
}

/**
 * Reads a `scope` parameter the way Google does: `email` and `profile` become full addresses, and
 * either brings `openid` along.
 */
export function readScopes(text: string): Set<string> {
  const scopes = new Set<string>()
  for (const word of text.split(' ').filter(Boolean)) {
    const scope = word === 'email' || word === 'profile' ? `${api}userinfo.${word}` : word
    if (isSignInScope(scope)) scopes.add('openid')
    scopes.add(scope)
  }
  return scopes
}

/** The sandbox's own order, which is hardly ever the order of the request: compare as sets. */
export function writeScopes(scopes: Iterable<string>): string {
  return [...scopes].toSorted((a, b) => order.indexOf(b) - order.indexOf(a)).join(' ')
}

/** Whether an ID token tells this: `email` or `profile`. */
export function tells(scopes: ReadonlySet<string>, what: 'email' | 'profile'): boolean {
  return scopes.has(`${api}userinfo.${what}`)
}
