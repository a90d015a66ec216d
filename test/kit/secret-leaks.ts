/**
 * Secret-leak detector of all suites. No secret may appear in a log line, in other output, in a response
 * that does not issue it, or unencrypted in the store.
 */

/** Patterns of all secrets with a recognizable format; random names and ids do not match. */
const secrets = {
  'access token': /\bya29\.[\w-]{10}/,
  'refresh token': /\b1\/\/0[\w-]{10}/,
  'authorization code': /\b4\/0[\w-]{10}/,
  'client secret': /GOCSPX-[\w-]{4}/,
  token: /(?<![\w-])dw_[\w-]{49}(?![\w-])/,
  'device code': /(?<![\w-])dwd_[A-Z]{8}[\w-]{43}(?![\w-])/,
  'sealed value or JWT': /(?<![\w-])eyJ[\w-]{10,}\.[\w-]*\.[\w-]/,
  'Drive session': /[?&]upload_id=[\w-]{10}/,
  'session cookie': /__session=[\w-]{43}/,
} as const

export type SecretKind = keyof typeof secrets

/** All leaks found by the tests of this file. */
export const leaks: string[] = []

/** Finds the kinds of secrets in a text. */
export function findSecrets(text: string, allowed: readonly SecretKind[] = []): SecretKind[] {
  const kinds = Object.keys(secrets) as SecretKind[]
  return kinds.filter((kind) => !allowed.includes(kind) && secrets[kind].test(text))
}

/** Records the secrets of a text. @param where goes into the record; the secret does not */
export function inspect(where: string, text: string, allowed: readonly SecretKind[] = []): void {
  for (const kind of findSecrets(text, allowed)) leaks.push(`${where}: ${kind}`)
}

/** The secrets that each endpoint issues. */
const allowedSecrets: [path: RegExp, secret: SecretKind[]][] = [
  [/^\/auth\/(tokens|token|device\/token)$/, ['token']],
  [/^\/auth\/device$/, ['device code']],
  [/^\/upload\/tickets/, ['Drive session', 'sealed value or JWT']],
]

/** Records the secrets in the response of a path that it does not issue. */
export function inspectResponse(path: string, body: string): void {
  const [route = ''] = path.split('?')
  const allowed = allowedSecrets.flatMap(([pattern, kinds]) => (pattern.test(route) ? kinds : []))
  inspect(`the response of ${route.slice(0, 40)}`, body, allowed)
}

/**
 * Verifies that the store contains no secrets except sealed values.
 *
 * @throws {Error} otherwise
 */
export function inspectStore(dump: unknown): void {
  const found = findSecrets(JSON.stringify(dump), ['sealed value or JWT'])
  if (found.length > 0)
    throw new Error(`The store contains an unencrypted secret: ${found.join(', ')}`)
}
