/** What was found, for people: a line each, and below what is wrong its cause, fix and command. */
import type { Result } from './check.ts'

export function lineOf({ name, why, outcome }: Result): string {
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
export function jsonOfResult({ name, why, outcome }: Result): object {
  if (outcome.ok !== undefined) return { name, why, ...outcome }
  return { name, why, ok: null, reason: outcome.reason }
}
