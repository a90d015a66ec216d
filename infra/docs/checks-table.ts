/** Every check as a table, for the docs. */
import { insideChecks } from '../../functions/auth/doctor/checks.ts'
import { outsideChecks, trials } from '../doctor/run-checks.ts'

export function checksTable(): string {
  const { door, page, operator } = outsideChecks
  const rows = [
    ...[...door, ...page].map(({ name, why }) => [name, 'anybody', why]),
    ...operator.map(({ name, why }) => [name, 'the operator', why]),
    ...insideChecks.map(({ name, why }) => [name, 'the gateway', why]),
    ...trials.map(({ name, why }) => [name, 'the operator', why]),
  ]
  return [['Check', 'Seen by', 'Why'], ['---', '---', '---'], ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
}
