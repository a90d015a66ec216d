/** `npm run doctor`: tries each thing that is usually wrong, and says how it is mended. */
import { readFile } from 'node:fs/promises'
import { StartError } from '../local/start-error.ts'
import type { CheckResult } from './check.ts'
import { runChecks } from './run-checks.ts'
import { readOptions } from './options.ts'
import type { SetupVariables } from './options.ts'
import { createTarget } from './target.ts'
import { resultToJson, formatResult } from './report.ts'

/** As setup's own (infra/google/setup): written there, and never a secret in it. */
const setUpFile = 'infra/google/driveway.auto.tfvars.json'

await main().catch((error: unknown) => {
  console.error(error instanceof StartError ? error.message : error)
  process.exitCode = 2
})

async function main(): Promise<void> {
  const setUp = await readFile(setUpFile, 'utf8').then(
    (written) => JSON.parse(written) as SetupVariables,
    () => ({}),
  )
  const options = readOptions(process.argv.slice(2), process.env, setUp)
  const results: CheckResult[] = []
  const isShown = !options.json
  const live = isShown && process.stdout.isTTY
  if (isShown) console.log(`Examining ${options.url}\n`)
  const isWell = await runChecks(createTarget(options), {
    onStart(name) {
      if (live) process.stdout.write(`… ${name}`)
    },
    onResult(result) {
      results.push(result)
      if (live) process.stdout.write('\r\x1b[K')
      if (isShown) console.log(formatResult(result))
    },
  })
  if (isShown) console.log(`\n${summary(results)}`)
  else console.log(JSON.stringify({ ok: isWell, checks: results.map(resultToJson) }, null, 2))
  if (!isWell) process.exitCode = 1
}

function summary(results: CheckResult[]): string {
  const count = (ok: boolean | undefined): number =>
    results.filter(({ outcome }) => outcome.ok === ok).length
  const untried = count(undefined)
  const bad = count(false)
  return [
    bad === 0 ? 'Nothing is wrong' : `Wrong: ${bad}`,
    `fine: ${count(true)}`,
    ...(untried === 0 ? [] : [`not tried: ${untried}`]),
  ].join('; ')
}
