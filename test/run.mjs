/**
 * Runs the tests in tiers, and prints the time of each tier.
 *
 *   node test/run.mjs [unit|integration|browser|stress] [jest arguments]
 *
 * Without a tier it runs unit, integration and browser. With a path pattern, one run of jest selects
 * among all three. `stress` runs the suites that count with large numbers, for a nightly job.
 *
 * A tier leaves out the Terraform and gcloud suites while their inputs are those with which they have
 * passed, unless CI is set.
 */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { createInputStamp, programSuites } from './kit/input-stamp.mjs'

const tiers = ['unit', 'integration', 'browser']

/** Environment and path patterns of each stress run. */
const stressRuns = [
  [{ FAULTS_RUNS: '20000', FAULTS_TABLE: '1' }, ['test/faults/property']],
  [{ FORM_RUNS: '1000000' }, ['test/upload/multipart/tokenizer']],
  [{ FORM_RUNS: '50000', CUT_FORMS: '24' }, ['test/faults/forms']],
  [{ TUS_KILLS: '500' }, ['test/upload/tus/crash-resume']],
  [{ DRAINS: '200' }, ['test/http/graceful-shutdown.stress']],
  [{ ABORTS: '1002' }, ['test/upload/aborts']],
  [{ SEAL_RUNS: '20000' }, ['test/token/sealed-values-tampered']],
  [
    { REPLAY_ROUNDS: '500', CALLBACK_MIXTURES: '4095' },
    ['test/auth/login', 'test/callback/callback.test'],
  ],
]

/** @returns the exit code */
function jest(args, env = {}) {
  const node = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning']
  return new Promise((resolve) => {
    spawn(process.execPath, [...node, 'node_modules/jest/bin/jest.js', ...args], {
      env: { ...process.env, ...env },
      stdio: 'inherit',
    }).on('exit', (code) => resolve(code ?? 1))
  })
}

const [first = '', ...rest] = process.argv.slice(2)
const isTier = tiers.includes(first) || first === 'stress'
const args = isTier ? rest : process.argv.slice(2)
const isSelected = args.some((argument) => !argument.startsWith('-'))

/** One run of a tier. With a selection it runs exactly that. */
function tierRun(tier) {
  if (isSelected) return [tier, ['--selectProjects', tier, '--', ...args]]
  const stamp = createInputStamp(fileURLToPath(new URL('..', import.meta.url)), tier)
  const isCurrent = stamp.isCurrent()
  if (isCurrent && tier !== 'browser') {
    console.log(
      `${tier}: the Terraform and gcloud suites have passed with these inputs (CI=1 runs them)`,
    )
  }
  const ignored = isCurrent ? [`--testPathIgnorePatterns=${programSuites}`] : []
  // Only a run of all tests proves that these suites pass.
  const onPass = args.length === 0 ? stamp.record : () => {}
  return [tier, [...ignored, '--selectProjects', tier, ...args], {}, onPass]
}

const runs =
  first === 'stress'
    ? stressRuns.map(([env, patterns]) => [patterns.join(' '), [...patterns, ...args], env])
    : isTier
      ? [tierRun(first)]
      : isSelected
        ? [['selected', args]]
        : tiers.map(tierRun)

const summary = []
for (const [name, jestArgs, env, onPass] of runs) {
  const startedAt = performance.now()
  const code = await jest(jestArgs, env)
  summary.push({ name, seconds: (performance.now() - startedAt) / 1000, code })
  if (code === 0) onPass?.()
  else process.exitCode = 1
}
for (const { name, seconds, code } of summary) {
  console.log(`${code === 0 ? 'passed' : 'FAILED'}  ${name}  ${seconds.toFixed(0)} s`)
}
