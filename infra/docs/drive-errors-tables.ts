/** Generates the tables of docs/drive-errors.md from the decisions of the gateway. */
import { isTransientCode } from '../../functions/drive/client/errors.ts'
import { reasonDecisions } from '../../functions/drive/client/reason-decisions.ts'
import {
  serverErrorDecision,
  statusDecisions,
} from '../../functions/drive/client/status-decisions.ts'
import type { StatusDecision } from '../../functions/drive/client/status-decisions.ts'
import type { ProblemCode } from '../../functions/errors.ts'
import { table } from './table.ts'

const retried = (code: ProblemCode): string => (isTransientCode(code) ? 'yes' : 'no')

function statusRow(status: string, { code, endsSession, why }: StatusDecision): string[] {
  const inSession = endsSession ? 'upload_session_lost' : code
  return [status, retried(code), `\`${code}\``, `\`${inSession}\``, `${why}.`]
}

export function statusesTable(): string {
  const entries = Object.entries(statusDecisions)
  return table(
    ['Status', 'Retried', 'Error code', 'In an upload session', 'Why'],
    [
      ...entries.map(([status, decision]) => statusRow(status, decision)),
      statusRow('500 to 599', serverErrorDecision),
    ],
  )
}

export function reasonsTable(): string {
  return table(
    ['Reason', 'Retried', 'Error code', 'Detail'],
    Object.entries(reasonDecisions).map(([reason, { code, detail = '' }]) => [
      `\`${reason}\``,
      retried(code),
      `\`${code}\``,
      detail,
    ]),
  )
}
