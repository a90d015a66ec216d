/** What was found, for people: a line each, and below what is wrong its cause, fix and command. */
import type { CheckResult } from './check.ts'

export function formatResult({ name, why, outcome }: CheckResult): string {
  if (outcome.ok) return `✓ ${name}${outcome.found === undefined ? '' : `  (${outcome.found})`}`
  if (outcome.ok === undefined) return `– ${name}  (not tried: ${outcome.reason})`
  const { cause, fix, command } = outcome
  return [
    `✗ ${name}: ${why}`,
    `    cause    ${cause}`,
    `    fix      ${fix}`,
    `    command  ${command}`,
  ].join('\n')
}

/** For programs: one object a check. */
export function resultToJson({ name, why, outcome }: CheckResult): object {
  if (outcome.ok !== undefined) return { name, why, ...outcome }
  return { name, why, ok: null, reason: outcome.reason }
}
