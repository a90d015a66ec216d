/** `npm run doctor`: runs live checks for common misconfigurations and prints a fix for each failure. */
import { readFile } from 'node:fs/promises'
import { CliError } from '../local/cli-error.ts'
import { readOptions } from './options.ts'
import type { SetupVariables } from './options.ts'
import type { CheckResult } from './outcome.ts'
import { formatResult, resultToJson } from './report.ts'
import { runChecks } from './run-checks.ts'
import { createTarget } from './target.ts'

/** Setup (infra/google/setup) writes it; it contains no secret. */
const variablesFile = 'infra/google/driveway.auto.tfvars.json'

await main().catch((error: unknown) => {
  console.error(error instanceof CliError ? error.message : error)
  process.exitCode = 2
})

async function main(): Promise<void> {
  const variables = await readFile(variablesFile, 'utf8').then(
    (text) => JSON.parse(text) as SetupVariables,
    () => ({}),
  )
  const options = readOptions(process.argv.slice(2), process.env, variables)
  const results: CheckResult[] = []
  const isText = !options.json
  const isInteractive = isText && process.stdout.isTTY
  if (isText) console.log(`Checking ${options.url}\n`)
  const allPassed = await runChecks(createTarget(options), {
    onStart(name) {
      if (isInteractive) process.stdout.write(`… ${name}`)
    },
    onResult(result) {
      results.push(result)
      if (isInteractive) process.stdout.write('\r\x1b[K')
      if (isText) console.log(formatResult(result))
    },
  })
  if (isText) console.log(`\n${summary(results)}`)
  else console.log(JSON.stringify({ ok: allPassed, checks: results.map(resultToJson) }, null, 2))
  if (!allPassed) process.exitCode = 1
}

function summary(results: CheckResult[]): string {
  const count = (ok: boolean | undefined): number =>
    results.filter(({ outcome }) => outcome.ok === ok).length
  const skippedCount = count(undefined)
  return [
    `Failed: ${count(false)}`,
    `passed: ${count(true)}`,
    ...(skippedCount === 0 ? [] : [`skipped: ${skippedCount}`]),
  ].join(', ')
}
