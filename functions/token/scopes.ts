/** Which scopes were granted of those that were asked for. */

const api = 'https://www.googleapis.com/auth/'
const drive = `${api}drive`

/**
 * @param asked as in the request
 * @param granted as in Google's answer, in any order, with more in it than was asked for
 * @returns those of the asked ones that no granted one allows
 */
export function missingScopes(asked: readonly string[], granted: readonly string[]): string[] {
  const has = new Set(granted)
  return asked.filter(
    (scope) => !has.has(scope) && !(scope.startsWith(`${drive}.`) && has.has(drive)),
  )
}

/** `drive.file` for `https://www.googleapis.com/auth/drive.file`. */
export function shortScope(scope: string): string {
  return scope.startsWith(api) ? scope.slice(api.length) : scope
}
