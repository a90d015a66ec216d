/** No gateway and no browser: pure code, and modules against a fake on loopback. */
const unit = [
  'test/{config,lib,identity,drive,kit}/**/*.test.ts',
  'test/http/{client-ip,log}.test.ts',
  'test/infra/local/{glob,pretty-log}.test.ts',
  'test/infra/google/{evaluate,schema}.test.ts',
  'test/token/{access-token-cache,parallel-fetch,revocation-reason,sealed-values,sealed-values-tampered,secret-cache}.test.ts',
  'test/upload/multipart/tokenizer.test.ts',
]
const browser = ['test/browser/**/*.test.ts']

const project = (displayName, patterns, excluded = []) => ({
  displayName,
  testEnvironment: 'node',
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  testMatch: [
    ...patterns.map((pattern) => `<rootDir>/${pattern}`),
    ...excluded.map((pattern) => `!**/${pattern}`),
  ],
  extensionsToTreatAsEsm: ['.ts'],
  globalSetup: '<rootDir>/test/kit/global-setup.mjs',
  transform: { '\\.ts$': '<rootDir>/infra/local/jest-transform.mjs' },
  setupFilesAfterEnv: [
    '<rootDir>/test/kit/secret-leaks-setup.ts',
    '<rootDir>/test/kit/async-local-storage-cleanup.ts',
  ],
})

/** @type {import('jest').Config} */
const config = {
  projects: [
    project('unit', unit),
    project('integration', ['test/**/*.test.ts'], [...unit, ...browser]),
    {
      ...project('browser', browser),
      globalSetup: '<rootDir>/test/browser/chromium.mjs',
      globalTeardown: '<rootDir>/test/browser/close-chromium.mjs',
    },
  ],
  coverageProvider: 'v8',
  collectCoverageFrom: ['functions/**/*.ts'],
  testTimeout: 20_000,
  // Of two cores, more than a third is spent waiting.
  maxWorkers: 3,
  // Node keeps every module that a suite has loaded.
  workerIdleMemoryLimit: '500MB',
}

export default config
