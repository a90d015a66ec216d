/** Compares requested OAuth scopes with granted ones. */

const apiPrefix = 'https://www.googleapis.com/auth/'
const driveScope = `${apiPrefix}drive`

/**
 * Returns the requested scopes that are not granted. The full Drive scope includes all narrower ones.
 *
 * @param granted as in Google's response, in any order and with further scopes
 */
export function missingScopes(requested: readonly string[], granted: readonly string[]): string[] {
  const grantedScopes = new Set(granted)
  const hasFullDrive = grantedScopes.has(driveScope)
  return requested.filter(
    (scope) => !grantedScopes.has(scope) && !(hasFullDrive && scope.startsWith(`${driveScope}.`)),
  )
}

/** `drive.file` for `https://www.googleapis.com/auth/drive.file`. */
export function shortScope(scope: string): string {
  return scope.startsWith(apiPrefix) ? scope.slice(apiPrefix.length) : scope
}
