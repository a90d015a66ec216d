/** `npm run test:faults`: 10,000 schedules, or as many as `FAULTS_RUNS` says, and their figures. */
import { spawn } from 'node:child_process'

const jest = ['node_modules/jest/bin/jest.js', 'test/faults/random.test.ts', '--runInBand']
const options = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning']
const env = { FAULTS_RUNS: '10000', ...process.env, FAULTS_TABLE: '1' }

spawn(process.execPath, [...options, ...jest, ...process.argv.slice(2)], {
  env,
  stdio: 'inherit',
}).on('exit', (code) => {
  process.exitCode = code ?? 1
})
