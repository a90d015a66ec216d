/** Goes through everything there is, one after another. */
import { wrong } from './check.ts'
import type { Check, Outcome, Result } from './check.ts'
import { doorChecks } from './public-checks.ts'
import { operatorChecks, pageChecks } from './cors-checks.ts'
import type { Patient } from './target.ts'
import { trialChecks } from './upload-checks.ts'

/** In this order; what the gateway sees from within comes after `operatorChecks`. */
export const outsideChecks = { door: doorChecks, page: pageChecks, operator: operatorChecks }
export const trials = trialChecks

export interface Watcher {
  onStart?(name: string): void
  onResult(result: Result): void
}

/** @returns whether nothing is wrong */
export async function examine(patient: Patient, { onStart, onResult }: Watcher): Promise<boolean> {
  let isWell = true
  const tell = (result: Result): void => {
    if (result.outcome.ok === false) isWell = false
    onResult(result)
  }
  const go = async (checks: readonly Check[], isOperator: boolean): Promise<void> => {
    for (const check of checks) {
      const { name, why, needs } = check
      if (needs === 'operator' && !isOperator) continue
      onStart?.(name)
      tell({ name, why, outcome: await attempt(check, patient) })
    }
  }

  const [first, ...others] = doorChecks
  if (first) await go([first], false)
  // Where nobody answers, nothing else can be said.
  if (!isWell && !(await answers(patient))) return false
  await go(others, false)
  await go(pageChecks, false)
  const inside = patient.hasCredential ? await quietly(patient) : undefined
  await go(operatorChecks, inside !== undefined)
  if (!inside) return isWell
  for (const result of inside.results) tell(result)
  // What is uploaded has to be removed again, which only the operator can.
  await go(trialChecks, true)
  return isWell
}

/** One check; whatever it throws is a failure too. */
export async function attempt(check: Check, patient: Patient): Promise<Outcome> {
  try {
    return await check.try(patient)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return wrong(
      `It could not be tried (${code ?? message})`,
      'Mend what else is wrong first, then try again',
      'npm run doctor',
    )
  }
}

async function answers(patient: Patient): Promise<boolean> {
  return patient.ask('/auth/session').then(
    () => true,
    () => false,
  )
}

async function quietly(patient: Patient): Promise<{ results: Result[] } | undefined> {
  const inside = await patient.inside().catch(() => undefined)
  return inside === undefined || 'ok' in inside ? undefined : inside
}
