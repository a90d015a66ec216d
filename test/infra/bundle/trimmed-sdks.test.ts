/** Google's clients as they are deployed, with nothing left of what nobody asks for. */
import { afterAll, describe, expect, jest, test } from '@jest/globals'
import * as whole from '@google-cloud/secret-manager'
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
const { leanClients } = (await import(`${root}infra/bundle/trim-google-sdks.mjs`)) as {
  leanClients: () => Plugin
}
const folder = mkdtempSync(join(tmpdir(), 'driveway-lean-'))
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
  plugins: [leanClients()],
  metafile: true,
})
const lean = createRequire(import.meta.url)(outfile) as {
  firestore: typeof import('@google-cloud/firestore')
  secretManager: typeof whole
}
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('have no gRPC in them', () => {
  const files = Object.keys(metafile.inputs)
  expect(files.filter((path) => path.includes('google-gax/'))).not.toEqual([])
  expect(files.filter((path) => /@grpc|proto-loader/.test(path))).toEqual([])
})

jest.unstable_mockModule('@google-cloud/firestore', () => ({
  ...lean.firestore,
  default: lean.firestore,
}))
const { testFirestore } = await import('../sandbox/firestore/contract.ts')
const { connect } = await import('../sandbox/firestore/contract-fixture.ts')

testFirestore('embedded, asked by the lean client', async () => {
  const sandbox = await startSandbox([createFirestore()])
  return { host: new URL(sandbox.url).host, stop: () => sandbox.close() }
})
if (findEmulator()) {
  testFirestore("Google's emulator, asked by the lean client", () => startEmulator())
}

test('what needs gRPC is told that there is none', async () => {
  const client = connect('127.0.0.1:9')
  expect(client).toBeInstanceOf(lean.firestore.Firestore)
  const failed = new Promise((_, fail) => void client.doc('a/b').onSnapshot(() => {}, fail))
  await expect(failed).rejects.toThrow('Only REST is left of the client libraries')
})

const parent = 'projects/sandbox'

async function answer(client: whole.SecretManagerServiceClient, name: string): Promise<unknown> {
  return client.accessSecretVersion({ name: `${parent}/secrets/${name}` }).then(
    ([{ name: found, payload }]) => [found, Buffer.from(payload?.data ?? '').toString()],
    ({ code, message, reason, statusDetails }: Record<string, unknown>) => {
      return { code, message, reason, statusDetails }
    },
  )
}

describe('Secret Manager, asked by the lean client', () => {
  test('gives what it gives the whole one, and the same errors', async () => {
    const sandbox = await startSandbox([createSecretManager()])
    const { hostname, port } = new URL(sandbox.url)
    const [one, other] = [whole, lean.secretManager].map(
      ({ SecretManagerServiceClient }) =>
        new SecretManagerServiceClient({
          fallback: true,
          protocol: 'http',
          apiEndpoint: hostname,
          port: Number(port),
          projectId: 'sandbox',
          authClient: new PassThroughClient(),
        }),
    ) as [whole.SecretManagerServiceClient, whole.SecretManagerServiceClient]
    try {
      for (const text of ['first', 'schlüssel 2']) {
        const secret = { replication: { automatic: {} } }
        if (text === 'first') await one.createSecret({ parent, secretId: 'keyring', secret })
        const payload = { data: Buffer.from(text) }
        await one.addSecretVersion({ parent: `${parent}/secrets/keyring`, payload })
      }
      await one.disableSecretVersion({ name: `${parent}/secrets/keyring/versions/1` })
      const latest = 'keyring/versions/latest'
      expect(await answer(other, latest)).toEqual([
        `${parent}/secrets/keyring/versions/2`,
        'schlüssel 2',
      ])
      for (const name of [latest, 'keyring/versions/1', 'keyring/versions/3', 'none/versions/1']) {
        expect(await answer(other, name)).toEqual(await answer(one, name))
      }
      sandbox.faults.add({ operation: 'secrets.access', status: 403, times: 2 })
      expect(await answer(other, latest)).toEqual(await answer(one, latest))
    } finally {
      await one.close()
      await other.close()
      await sandbox.close()
    }
  })
})
