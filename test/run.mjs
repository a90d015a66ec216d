/**
 * Runs the tests in tiers, and prints the time of each tier.
 *
 *   node test/run.mjs [unit|integration|browser|stress] [jest arguments]
 *
 * Without a tier it runs unit, integration and browser. With a path pattern, one run of jest selects
 * among all three. `stress` runs the suites that count with large numbers, for a nightly job.
 */
import { spawn } from 'node:child_process'

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

const runs =
  first === 'stress'
    ? stressRuns.map(([env, patterns]) => [patterns.join(' '), [...patterns, ...args], env])
    : isTier
      ? [[first, ['--selectProjects', first, '--', ...args]]]
      : isSelected
        ? [['selected', args]]
        : tiers.map((tier) => [tier, ['--selectProjects', tier, ...args]])

const summary = []
for (const [name, jestArgs, env] of runs) {
  const startedAt = performance.now()
  const code = await jest(jestArgs, env)
  summary.push({ name, seconds: (performance.now() - startedAt) / 1000, code })
  if (code !== 0) process.exitCode = 1
}
for (const { name, seconds, code } of summary) {
  console.log(`${code === 0 ? 'passed' : 'FAILED'}  ${name}  ${seconds.toFixed(0)} s`)
}
