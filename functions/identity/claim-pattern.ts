/**
 * Matches claims of a CI system's token with patterns. A pattern matches the whole value, case
 * sensitively: `*` matches one or more characters except `/` and `:`, `**` one or more of any kind.
 * GitHub and GitLab join the parts of a value with those two separators, so `me/*` matches only
 * repositories of `me`.
 */

type PatternToken = { literal: string } | { wildcard: 'segment' | 'any' }

const maxClaimLength = 2048

/** Whether the claim is a string, safe integer or boolean that matches; arrays and objects never do. */
export function matchesClaim(pattern: string, claim: unknown): boolean {
  if (typeof claim === 'string') return claim.length <= maxClaimLength && matches(pattern, claim)
  if (typeof claim === 'boolean' || Number.isSafeInteger(claim)) {
    return matches(pattern, String(claim))
  }
  return false
}

/** Tracks all reachable pattern positions in parallel, so that there is no backtracking. */
function matches(pattern: string, value: string): boolean {
  const tokens = parsePattern(pattern)
  let positions = new Set([0])
  for (const character of value.split('')) {
    const next = new Set<number>()
    for (const position of positions) {
      const token = tokens[position]
      if (token === undefined) continue
      if ('literal' in token) {
        if (token.literal === character) next.add(position + 1)
      } else if (token.wildcard === 'any' || (character !== '/' && character !== ':')) {
        next.add(position).add(position + 1)
      }
    }
    positions = next
  }
  return positions.has(tokens.length)
}

function parsePattern(pattern: string): PatternToken[] {
  return (pattern.match(/\*+|[^*]/g) ?? []).map((part) =>
    part.startsWith('*') ? { wildcard: part === '*' ? 'segment' : 'any' } : { literal: part },
  )
}

/** Claims of GitHub Actions and GitLab that contain the path of a project. */
const projectPathClaims = new Set(['repository', 'project_path'])
/** Claims that identify a project or its owner. */
const ownerClaims = new Set([
  'repository_id',
  'repository_owner',
  'repository_owner_id',
  'project_id',
  'namespace_id',
  'namespace_path',
])

/**
 * Whether a policy names the owner of the jobs that it accepts. Every user of a public CI system gets
 * tokens of the same issuer, so a policy without an owner would accept all of them.
 */
export function namesAnOwner(claims: Readonly<Record<string, string>>): boolean {
  return Object.entries(claims).some(([claim, pattern]) => {
    if (claim === 'sub') {
      return !pattern.includes('*') || /^(repo|project_path):[^*/:]+\//.test(pattern)
    }
    if (projectPathClaims.has(claim)) return /^[^*/:]+\//.test(pattern)
    return ownerClaims.has(claim) && !pattern.includes('*')
  })
}
