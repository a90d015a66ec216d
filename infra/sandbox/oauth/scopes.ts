/** The supported scopes, and Google's normalisation of scope lists. */

const scopePrefix = 'https://www.googleapis.com/auth/'

/** In the order of the consent page. */
const descriptions: Record<string, string> = {
  openid: 'Identify your Google Account',
  [`${scopePrefix}userinfo.email`]: 'See your e-mail address',
  [`${scopePrefix}userinfo.profile`]: 'See your name',
  [`${scopePrefix}drive.file`]:
    'See, edit, create and delete only the files that you use with this app',
  [`${scopePrefix}drive.appdata`]: 'Store its own data in a hidden folder of your Drive',
  [`${scopePrefix}drive.install`]: 'Add itself to the “Open with” menu of your Drive',
  [`${scopePrefix}drive.metadata.readonly`]:
    'See names and details of all your files, but not their content',
  [`${scopePrefix}drive.metadata`]:
    'See and edit names and details of all your files, but not their content',
  [`${scopePrefix}drive.readonly`]: 'See and download all your files',
  [`${scopePrefix}drive`]: 'See, edit, create and delete all your files',
  [`${scopePrefix}drive.scripts`]: 'Edit your Apps Script projects',
  [`${scopePrefix}drive.meet.readonly`]: 'See and download files created by Meet',
  [`${scopePrefix}drive.activity`]: 'See and add to the activity of your files',
  [`${scopePrefix}drive.activity.readonly`]: 'See the activity of your files',
}
const order = Object.keys(descriptions)
const signIn = new Set(order.slice(0, 3))

/** The description on the consent page; undefined for an unknown scope. */
export function describeScope(scope: string): string | undefined {
  return Object.hasOwn(descriptions, scope) ? descriptions[scope] : undefined
}

/** Sign-in scopes have no checkbox: continuing grants them. */
export function isSignInScope(scope: string): boolean {
  return signIn.has(scope)
}

/**
 * Parses a `scope` parameter as Google does: `email` and `profile` become full scope URLs, and each
 * adds `openid`.
 */
export function readScopes(text: string): Set<string> {
  const scopes = new Set<string>()
  for (const word of text.split(' ').filter(Boolean)) {
    const scope = word === 'email' || word === 'profile' ? `${scopePrefix}userinfo.${word}` : word
    if (isSignInScope(scope)) scopes.add('openid')
    scopes.add(scope)
  }
  return scopes
}

/** Formats scopes in the sandbox's own order; compare them as sets. */
export function writeScopes(scopes: Iterable<string>): string {
  return [...scopes].toSorted((a, b) => order.indexOf(b) - order.indexOf(a)).join(' ')
}

/** Whether the scopes give access to the e-mail address or to the profile. */
export function includesUserInfo(scopes: ReadonlySet<string>, claim: 'email' | 'profile'): boolean {
  return scopes.has(`${scopePrefix}userinfo.${claim}`)
}
