/** Generates the table of docs/doctor.md from the checks. */
import { serverChecks } from '../../functions/auth/doctor/checks.ts'
import { corsChecks } from '../doctor/cors-checks.ts'
import { operatorChecks } from '../doctor/operator-checks.ts'
import { publicChecks } from '../doctor/public-checks.ts'
import { uploadChecks } from '../doctor/upload-checks.ts'
import { table } from './table.ts'

interface Described {
  name: string
  why: string
}

const rows = (checks: readonly Described[], credential: string): string[][] =>
  checks.map(({ name, why }) => [name, credential, why])

export function checksTable(): string {
  return table(
    ['Check', 'Runs', 'Why'],
    [
      ...rows([...publicChecks, ...corsChecks], 'without a credential'),
      ...rows(operatorChecks, 'as the operator'),
      ...rows(serverChecks, 'in the gateway'),
      ...rows(uploadChecks, 'as the operator'),
    ],
  )
}
