/** The trimmed Google SDKs, as they are deployed. */
import { afterAll, describe, expect, jest, test } from '@jest/globals'
import * as original from '@google-cloud/secret-manager'
import { build } from 'esbuild'
import type { Plugin } from 'esbuild'
import { PassThroughClient } from 'google-auth-library'
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createFirestore } from '../../../infra/sandbox/firestore/index.ts'
import { findEmulator, startEmulator } from '../../../infra/sandbox/firestore/google-emulator.ts'
import { createSecretManager } from '../../../infra/sandbox/secrets.ts'
import { startSandbox } from '../../../infra/sandbox/server.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const { trimGoogleSdks } = (await import(`${root}infra/bundle/trim-google-sdks.mjs`)) as {
  trimGoogleSdks: () => Plugin
}
const folder = mkdtempSync(join(tmpdir(), 'driveway-trimmed-'))
const outfile = join(folder, 'clients.cjs')
const { metafile } = await build({
  stdin: {
    contents: `
      exports.firestore = require('@google-cloud/firestore')
      exports.secretManager = require('@google-cloud/secret-manager')`,
    resolveDir: root,
  },
  outfile,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  plugins: [trimGoogleSdks()],
  metafile: true,
})
const trimmed = createRequire(import.meta.url)(outfile) as {
  firestore: typeof import('@google-cloud/firestore')
  secretManager: typeof original
}
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('the trimmed SDKs contain no gRPC', () => {
  const files = Object.keys(metafile.inputs)
  expect(files.filter((path) => path.includes('google-gax/'))).not.toEqual([])
  expect(files.filter((path) => /@grpc|proto-loader/.test(path))).toEqual([])
})

jest.unstable_mockModule('@google-cloud/firestore', () => ({
  ...trimmed.firestore,
  default: trimmed.firestore,
}))
const { testFirestore } = await import('../sandbox/firestore/contract.ts')
const { connect } = await import('../sandbox/firestore/contract-fixture.ts')

testFirestore('embedded, through the trimmed client', async () => {
  const sandbox = await startSandbox([createFirestore()])
  return { host: new URL(sandbox.url).host, stop: () => sandbox.close() }
})
if (findEmulator()) {
  testFirestore("Google's emulator, through the trimmed client", () => startEmulator())
}

test('a method that needs gRPC rejects with UNIMPLEMENTED, which the client does not retry', async () => {
  const client = connect('127.0.0.1:9')
  expect(client).toBeInstanceOf(trimmed.firestore.Firestore)
  const failed = new Promise((_, fail) => void client.doc('a/b').onSnapshot(() => {}, fail))
  const message: unknown = expect.stringContaining('This build supports REST only')
  await expect(failed).rejects.toMatchObject({ code: 12, message })
})

const parent = 'projects/sandbox'

async function access(client: original.SecretManagerServiceClient, name: string): Promise<unknown> {
  return client.accessSecretVersion({ name: `${parent}/secrets/${name}` }).then(
    ([{ name: version, payload }]) => [version, Buffer.from(payload?.data ?? '').toString()],
    ({ code, message, reason, statusDetails }: Record<string, unknown>) => {
      return { code, message, reason, statusDetails }
    },
  )
}

describe('The trimmed Secret Manager client', () => {
  test('the trimmed Secret Manager client returns the same values and errors as the original', async () => {
    const sandbox = await startSandbox([createSecretManager()])
    const { hostname, port } = new URL(sandbox.url)
    const [full, small] = [original, trimmed.secretManager].map(
      ({ SecretManagerServiceClient }) =>
        new SecretManagerServiceClient({
          fallback: true,
          protocol: 'http',
          apiEndpoint: hostname,
          port: Number(port),
          projectId: 'sandbox',
          authClient: new PassThroughClient(),
        }),
    ) as [original.SecretManagerServiceClient, original.SecretManagerServiceClient]
    try {
      for (const text of ['first', 'schlüssel 2']) {
        const secret = { replication: { automatic: {} } }
        if (text === 'first') await full.createSecret({ parent, secretId: 'keyring', secret })
        const payload = { data: Buffer.from(text) }
        await full.addSecretVersion({ parent: `${parent}/secrets/keyring`, payload })
      }
      await full.disableSecretVersion({ name: `${parent}/secrets/keyring/versions/1` })
      const latest = 'keyring/versions/latest'
      expect(await access(small, latest)).toEqual([
        `${parent}/secrets/keyring/versions/2`,
        'schlüssel 2',
      ])
      for (const name of [latest, 'keyring/versions/1', 'keyring/versions/3', 'none/versions/1']) {
        expect(await access(small, name)).toEqual(await access(full, name))
      }
      sandbox.faults.add({ operation: 'secrets.access', status: 403, times: 2 })
      expect(await access(small, latest)).toEqual(await access(full, latest))
    } finally {
      await full.close()
      await small.close()
      await sandbox.close()
    }
  })
})
