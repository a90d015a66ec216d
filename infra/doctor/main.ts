/** `npm run doctor`: runs live checks for common misconfigurations and prints a fix for each failure. */
import { readFile } from 'node:fs/promises'
import { CliError } from '../local/cli-error.ts'
import { createTerminal } from '../terminal/create-terminal.ts'
import type { Task } from '../terminal/terminal.ts'
import { deployedFile, readOptions } from './options.ts'
import type { DeployedUrls } from './options.ts'
import type { CheckResult } from './outcome.ts'
import { checkState, formatResult, resultToJson } from './report.ts'
import { runChecks } from './run-checks.ts'
import { createTarget } from './target.ts'

await main().catch((error: unknown) => {
  console.error(error instanceof CliError ? error.message : error)
  process.exitCode = 2
})

async function main(): Promise<void> {
  const args = process.argv.slice(2)
  const deployed = await readFile(deployedFile(args), 'utf8').then(
    (text) => JSON.parse(text) as DeployedUrls,
    () => ({}),
  )
  const options = readOptions(args, process.env, deployed)
  const results: CheckResult[] = []
  const isText = !options.json
  const terminal = createTerminal()
  let task: Task | undefined
  if (isText) console.log(`Checking ${options.url}\n`)
  const allPassed = await runChecks(createTarget(options), {
    onStart(name) {
      if (isText && terminal.isInteractive) task = terminal.start(name)
    },
    onResult(result) {
      results.push(result)
      task?.end({ state: checkState(result), isFailure: result.outcome.ok === false })
      const isShown = task !== undefined && result.outcome.ok !== false
      task = undefined
      if (isText && !isShown) console.log(formatResult(result))
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
