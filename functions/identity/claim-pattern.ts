/**
 * Patterns for the claims of a CI system's token. A pattern has to fit the whole value, letter by
 * letter and in the same case: `*` stands for one or more characters but `/` and `:`, `**` for one
 * or more of any kind. Both systems put their values together with those two separators, so that
 * `me/*` reaches no further than the repositories of `me`.
 */

type Token = { literal: string } | { within: boolean }

/** Whether a claim has a value that fits: a text, a whole number, true or false; no list, no object. */
export function matchesClaim(pattern: string, claim: unknown): boolean {
  if (typeof claim === 'string') return claim.length <= mostLetters && matches(pattern, claim)
  if (typeof claim === 'boolean' || Number.isSafeInteger(claim)) {
    return matches(pattern, String(claim))
  }
  return false
}

const mostLetters = 2048

/** All places in the pattern that a beginning of the value leads to, at once: no way to go back. */
function matches(pattern: string, value: string): boolean {
  const tokens = readPattern(pattern)
  let places = new Set([0])
  for (const letter of value.split('')) {
    const next = new Set<number>()
    for (const place of places) {
      const token = tokens[place]
      if (token === undefined) continue
      if ('literal' in token) {
        if (token.literal === letter) next.add(place + 1)
      } else if (!token.within || (letter !== '/' && letter !== ':')) {
        next.add(place).add(place + 1)
      }
    }
    places = next
  }
  return places.has(tokens.length)
}

function readPattern(pattern: string): Token[] {
  return (pattern.match(/\*+|[^*]/g) ?? []).map((piece) =>
    piece.startsWith('*') ? { within: piece === '*' } : { literal: piece },
  )
}

/** Claims of GitHub Actions and GitLab that name one project, or whose it is. */
const paths = new Set(['repository', 'project_path'])
const names = new Set([
  'repository_id',
  'repository_owner',
  'repository_owner_id',
  'project_id',
  'namespace_id',
  'namespace_path',
])

/**
 * Whether a policy says whose jobs it means. Every user of a public CI system has tokens of the same
 * issuer, so one that leaves the owner open would let in everybody.
 */
export function namesAnOwner(claims: Readonly<Record<string, string>>): boolean {
  return Object.entries(claims).some(([claim, pattern]) => {
    if (claim === 'sub') {
      return !pattern.includes('*') || /^(repo|project_path):[^*/:]+\//.test(pattern)
    }
    if (paths.has(claim)) return /^[^*/:]+\//.test(pattern)
    return names.has(claim) && !pattern.includes('*')
  })
}
