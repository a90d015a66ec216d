/** @type {import('jest').Config} */
const config = {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/infra/local/jest-transform.mjs' },
  setupFilesAfterEnv: ['<rootDir>/test/leaks-setup.ts'],
  coverageProvider: 'babel',
  testTimeout: 20_000,
  maxWorkers: 2,
  // What a suite leaves behind in its worker slows each promise of those after it down.
  workerIdleMemoryLimit: '500MB',
}

export default config
