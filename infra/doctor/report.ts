/** Formats check results as text and as JSON. */
import type { CheckResult } from './outcome.ts'

/** One line per check; a failed check has its cause, fix and command below. */
export function formatResult({ name, why, outcome }: CheckResult): string {
  if (outcome.ok) return `✓ ${name}${outcome.found === undefined ? '' : `  (${outcome.found})`}`
  if (outcome.ok === undefined) return `– ${name}  (skipped: ${outcome.reason})`
  const { cause, fix, command } = outcome
  return [
    `✗ ${name}: ${why}`,
    `    cause    ${cause}`,
    `    fix      ${fix}`,
    `    command  ${command}`,
  ].join('\n')
}

/** The state of a check, for a terminal that shows its name and time. */
export function checkState({ outcome }: CheckResult): string {
  if (outcome.ok) return outcome.found === undefined ? 'passed' : `passed (${outcome.found})`
  return outcome.ok === undefined ? `skipped (${outcome.reason})` : 'failed'
}

export function resultToJson({ name, why, outcome }: CheckResult): object {
  if (outcome.ok !== undefined) return { name, why, ...outcome }
  return { name, why, ok: null, reason: outcome.reason }
}
