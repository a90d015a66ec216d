/**
 * `npm run test:faults`: runs 10,000 random scenarios and prints their summary. `FAULTS_RUNS` sets
 * the number of scenarios, `SEED` selects them (default: random).
 */
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'

const jest = ['node_modules/jest/bin/jest.js', 'test/faults/property.test.ts', '--runInBand']
const options = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning']
const defaults = { FAULTS_RUNS: '10000', SEED: String(randomInt(2 ** 30)) }
const env = { ...defaults, ...process.env, FAULTS_TABLE: '1' }

spawn(process.execPath, [...options, ...jest, ...process.argv.slice(2)], {
  env,
  stdio: 'inherit',
}).on('exit', (code) => {
  process.exitCode = code ?? 1
})
