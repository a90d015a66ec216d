/** Runs all checks, one after another. */
import type { Check } from './check.ts'
import { corsChecks } from './cors-checks.ts'
import { operatorChecks } from './operator-checks.ts'
import { failure } from './outcome.ts'
import type { CheckOutcome, CheckResult } from './outcome.ts'
import { publicChecks } from './public-checks.ts'
import type { ServerReport, Target } from './target.ts'
import { uploadChecks } from './upload-checks.ts'

export interface Reporter {
  onStart?(name: string): void
  onResult(result: CheckResult): void
}

/** @returns false when a check has failed */
export async function runChecks(target: Target, { onStart, onResult }: Reporter): Promise<boolean> {
  let allPassed = true
  const report = (result: CheckResult): void => {
    if (result.outcome.ok === false) allPassed = false
    onResult(result)
  }
  const runAll = async (checks: readonly Check[], isOperator: boolean): Promise<void> => {
    for (const check of checks) {
      const { name, why, needs } = check
      if (needs === 'operator' && !isOperator) continue
      onStart?.(name)
      report({ name, why, outcome: await runCheck(check, target) })
    }
  }

  const [reachable, ...others] = publicChecks
  if (reachable) await runAll([reachable], false)
  // All other checks need a server that responds.
  if (!allPassed && !(await isResponding(target))) return false
  await runAll(others, false)
  await runAll(corsChecks, false)
  const serverReport = target.hasCredential ? await readServerReport(target) : undefined
  await runAll(operatorChecks, serverReport !== undefined)
  if (!serverReport) return allPassed
  for (const result of serverReport.results) report(result)
  // Only an operator may delete the test files.
  await runAll(uploadChecks, true)
  return allPassed
}

/** Runs one check; an error that it throws is a failure too. */
export async function runCheck(check: Check, target: Target): Promise<CheckOutcome> {
  try {
    return await check.run(target)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return failure(
      `The check could not run (${code ?? message})`,
      'Fix the other failures first, then run it again',
      'npm run doctor',
    )
  }
}

async function isResponding(target: Target): Promise<boolean> {
  return target.request('/auth/session').then(
    () => true,
    () => false,
  )
}

/** Returns `undefined` when there is no report; the check "Operator" says why. */
async function readServerReport(target: Target): Promise<ServerReport | undefined> {
  const report = await target.serverReport().catch(() => undefined)
  return report === undefined || 'ok' in report ? undefined : report
}
