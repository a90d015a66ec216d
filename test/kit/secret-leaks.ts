/**
 * What no suite may ever see (case 35): a secret in a line of the log, in anything else that is
 * written, in an answer that is not there to hand it over, or in the store. Every suite is watched.
 */

/** Every secret that has a shape of its own, which no name or id of random letters comes to have. */
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

export type Secret = keyof typeof secrets

/** Everything that was overheard in this file's tests; all of it is too much. */
export const overheard: string[] = []

/** @returns the kinds of secrets that a text has in it, none of which are quoted */
export function leaksIn(text: string, allowed: readonly Secret[] = []): Secret[] {
  const kinds = Object.keys(secrets) as Secret[]
  return kinds.filter((kind) => !allowed.includes(kind) && secrets[kind].test(text))
}

/** @param where is told when there is a secret in the text; never the secret itself */
export function overhear(where: string, text: string, allowed: readonly Secret[] = []): void {
  for (const kind of leaksIn(text, allowed)) overheard.push(`${where}: ${kind}`)
}

/** What each answer is there to hand over; every other body has none of it. */
const handedOver: [path: RegExp, secret: Secret[]][] = [
  [/^\/auth\/(tokens|token|device\/token)$/, ['token']],
  [/^\/auth\/device$/, ['device code']],
  [/^\/upload\/tickets/, ['Drive session', 'sealed value or JWT']],
]

/** Listens to what a path answers. */
export function overhearAnswer(path: string, body: string): void {
  const [route = ''] = path.split('?')
  const allowed = handedOver.flatMap(([known, kinds]) => (known.test(route) ? kinds : []))
  overhear(`the answer of ${route.slice(0, 40)}`, body, allowed)
}

/**
 * Sealed values are what the store is for; nothing else that opens anything is in it.
 *
 * @throws when there is
 */
export function checkStore(dump: unknown): void {
  const found = leaksIn(JSON.stringify(dump), ['sealed value or JWT'])
  if (found.length > 0) throw new Error(`The store has a secret in the clear: ${found.join(', ')}`)
}
