/**
 * `npm run test:faults`: 10,000 schedules, or as many as `FAULTS_RUNS` says, new ones each time or
 * those of a `SEED`, and their figures.
 */
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'

const jest = ['node_modules/jest/bin/jest.js', 'test/faults/property.test.ts', '--runInBand']
const options = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning']
const ours = { FAULTS_RUNS: '10000', SEED: String(randomInt(2 ** 30)) }
const env = { ...ours, ...process.env, FAULTS_TABLE: '1' }

spawn(process.execPath, [...options, ...jest, ...process.argv.slice(2)], {
  env,
  stdio: 'inherit',
}).on('exit', (code) => {
  process.exitCode = code ?? 1
})
