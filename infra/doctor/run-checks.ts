/** Goes through everything there is, one after another. */
import { failed } from './check.ts'
import type { Check, CheckOutcome, CheckResult } from './check.ts'
import { publicChecks } from './public-checks.ts'
import { operatorChecks, corsChecks } from './cors-checks.ts'
import type { Target } from './target.ts'
import { uploadChecks } from './upload-checks.ts'

/** In this order; what the gateway sees from within comes after `operatorChecks`. */
export const outsideChecks = { door: publicChecks, page: corsChecks, operator: operatorChecks }
export const trials = uploadChecks

export interface Reporter {
  onStart?(name: string): void
  onResult(result: CheckResult): void
}

/** @returns whether nothing is wrong */
export async function runChecks(
  patient: Target,
  { onStart, onResult }: Reporter,
): Promise<boolean> {
  let allPassed = true
  const tell = (result: CheckResult): void => {
    if (result.outcome.ok === false) allPassed = false
    onResult(result)
  }
  const go = async (checks: readonly Check[], isOperator: boolean): Promise<void> => {
    for (const check of checks) {
      const { name, why, needs } = check
      if (needs === 'operator' && !isOperator) continue
      onStart?.(name)
      tell({ name, why, outcome: await runCheck(check, patient) })
    }
  }

  const [first, ...others] = publicChecks
  if (first) await go([first], false)
  // Where nobody answers, nothing else can be said.
  if (!allPassed && !(await answers(patient))) return false
  await go(others, false)
  await go(corsChecks, false)
  const inside = patient.hasCredential ? await quietly(patient) : undefined
  await go(operatorChecks, inside !== undefined)
  if (!inside) return allPassed
  for (const result of inside.results) tell(result)
  // What is uploaded has to be removed again, which only the operator can.
  await go(uploadChecks, true)
  return allPassed
}

/** One check; whatever it throws is a failure too. */
export async function runCheck(check: Check, patient: Target): Promise<CheckOutcome> {
  try {
    return await check.run(patient)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return failed(
      `It could not be tried (${code ?? message})`,
      'Mend what else is wrong first, then try again',
      'npm run doctor',
    )
  }
}

async function answers(patient: Target): Promise<boolean> {
  return patient.request('/auth/session').then(
    () => true,
    () => false,
  )
}

async function quietly(patient: Target): Promise<{ results: CheckResult[] } | undefined> {
  const inside = await patient.serverReport().catch(() => undefined)
  return inside === undefined || 'ok' in inside ? undefined : inside
}
