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

export function statusesTable(): string {
  const row = (status: string, { code, endsSession, why }: StatusDecision): string[] => [
    status,
    retried(code),
    `\`${code}\``,
    endsSession ? '`upload_session_lost`' : `\`${code}\``,
    `${why}.`,
  ]
  return table(
    ['Status', 'Retried', 'Error code', 'In an upload session', 'Why'],
    [
      ...Object.entries(statusDecisions).map(([status, decision]) => row(status, decision)),
      row('500 to 599', serverErrorDecision),
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
