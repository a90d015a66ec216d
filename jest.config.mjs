/** @type {import('jest').Config} */
const config = {
  testEnvironment: 'node',
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/infra/local/jest-transform.mjs' },
  setupFilesAfterEnv: [
    '<rootDir>/test/kit/secret-leaks-setup.ts',
    '<rootDir>/test/kit/async-local-storage-cleanup.ts',
  ],
  coverageProvider: 'babel',
  testTimeout: 20_000,
  // Of two cores, more than a third is spent waiting.
  maxWorkers: 3,
  // Node lets go of nothing that a suite has loaded.
  workerIdleMemoryLimit: '500MB',
}

export default config
