/**
 * GitHub's two forms of the claim `sub`: `repo:owner/name:…`, and `repo:owner@id/name@id:…` for
 * repositories that were created, renamed or transferred since July 2026, or that opted in.
 *
 * @see GitHub, "OpenID Connect": Immutable subject claims
 */
import { matchesClaim } from './claim-pattern.ts'

const withIds = /^repo:([^/:@]+)@\d+\/([^/:@]+)@\d+(?=:)/

/**
 * Explains why a subject in one form does not match a pattern in the other one.
 *
 * @returns `undefined` unless the subject matches the pattern in the other form: a job of another
 *   repository must not learn about the policy
 */
export function explainSubjectForm(
  pattern: string,
  claims: Readonly<Record<string, unknown>>,
): string | undefined {
  const { sub } = claims
  if (typeof sub !== 'string') return undefined
  if (withIds.test(sub)) {
    if (!matchesClaim(pattern, withoutIds(sub))) return undefined
    return explain(`with ids, as "${sub}", and the policy has it without`, claims, 'with')
  }
  if (!withIds.test(pattern) || !matchesClaim(withoutIds(pattern), sub)) return undefined
  return explain(`without ids, as "${sub}", and the policy has it with ids`, claims, 'without')
}

const quoted = (claim: unknown): string => (typeof claim === 'string' ? ` "${claim}"` : '')

const withoutIds = (subject: string): string => subject.replace(withIds, 'repo:$1/$2')

function explain(
  form: string,
  { repository_id: repository, repository_owner_id: owner }: Readonly<Record<string, unknown>>,
  alternative: 'with' | 'without',
): string {
  const ids = `repository_id${quoted(repository)} and repository_owner_id${quoted(owner)}`
  return `The claim sub came ${form}. Match ${ids} instead, or sub ${alternative} the ids`
}
