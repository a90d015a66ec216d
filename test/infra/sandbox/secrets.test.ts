import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SecretManagerServiceClient } from '@google-cloud/secret-manager'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { PassThroughClient } from 'google-auth-library'
import { crc32c } from '../../../infra/sandbox/crc32c.ts'
import type { SecretManager } from '../../../infra/sandbox/secrets.ts'
import { createSecretManager } from '../../../infra/sandbox/secrets.ts'
import type { Sandbox } from '../../../infra/sandbox/server.ts'
import { startSandbox } from '../../../infra/sandbox/server.ts'

let secrets: SecretManager
let sandbox: Sandbox
let client: SecretManagerServiceClient
const parent = 'projects/sandbox'

beforeAll(async () => {
  secrets = createSecretManager()
  sandbox = await startSandbox([secrets])
  client = createClient(sandbox.url)
})

afterAll(async () => {
  await client.close()
  await sandbox.close()
})

function createClient(url: string): SecretManagerServiceClient {
  const { hostname, port } = new URL(url)
  return new SecretManagerServiceClient({
    fallback: true,
    protocol: 'http',
    apiEndpoint: hostname,
    port: Number(port),
    projectId: 'sandbox',
    authClient: new PassThroughClient(),
  })
}

async function access(name: string): Promise<string> {
  const [version] = await client.accessSecretVersion({ name })
  return Buffer.from(version.payload?.data ?? '').toString('utf8')
}

/** Sends a REST request without the client library. */
async function get(path: string): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${sandbox.url}/v1/${path}`)
  return { status: response.status, body: await response.json() }
}

test('crc32c() returns the check value of the Castagnoli polynomial', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
})

test('the Node client creates a secret, adds a version and reads it', async () => {
  const [created] = await client.createSecret({
    parent,
    secretId: 'keyring',
    secret: { replication: { automatic: {} }, labels: { module: 'token' } },
  })
  expect(created.name).toBe(`${parent}/secrets/keyring`)
  expect(created.labels).toEqual({ module: 'token' })
  const first = Buffer.from('schlüssel 1')
  const [version] = await client.addSecretVersion({
    parent: created.name ?? '',
    payload: { data: first, dataCrc32c: crc32c(first) },
  })
  expect(version.name).toBe(`${parent}/secrets/keyring/versions/1`)
  expect(version.state).toBe('ENABLED')
  const [read] = await client.accessSecretVersion({ name: version.name ?? '' })
  expect(Buffer.from(read.payload?.data ?? '')).toEqual(first)
  expect(Number(read.payload?.dataCrc32c)).toBe(crc32c(first))
  const [secret] = await client.getSecret({ name: created.name ?? '' })
  expect(secret.name).toBe(created.name)
})

test('`latest` is the newest version, even when it is disabled', async () => {
  const first = secrets.set('rolled', 'one')
  const second = secrets.set('rolled', 'two')
  expect(second).toBe(`${parent}/secrets/rolled/versions/2`)
  expect(await access(first)).toBe('one')
  expect(await access(`${parent}/secrets/rolled/versions/latest`)).toBe('two')

  await client.disableSecretVersion({ name: second })
  const message = `Secret Version [${second}] is in DISABLED state.`
  await expect(access(`${parent}/secrets/rolled/versions/latest`)).rejects.toThrow(message)
  expect(await get(`${parent}/secrets/rolled/versions/latest:access`)).toEqual({
    status: 400,
    body: { error: { code: 400, message, status: 'FAILED_PRECONDITION' } },
  })
  expect(await access(first)).toBe('one')

  const [enabled] = await client.enableSecretVersion({ name: second })
  expect(enabled.state).toBe('ENABLED')
  expect(await access(`${parent}/secrets/rolled/versions/latest`)).toBe('two')
})

test('a destroyed version cannot be read or enabled', async () => {
  const name = secrets.set('gone', 'secret')
  const [destroyed] = await client.destroySecretVersion({ name })
  expect(destroyed.state).toBe('DESTROYED')
  expect(destroyed.destroyTime).toBeTruthy()
  await expect(access(name)).rejects.toThrow('is in DESTROYED state.')
  await expect(client.enableSecretVersion({ name })).rejects.toThrow('is in DESTROYED state.')
})

describe('an absent resource', () => {
  test.each([
    ['a secret', 'absent/versions/latest', `Secret [${parent}/secrets/absent] not found.`],
    [
      'a version',
      'present/versions/7',
      `Secret Version [${parent}/secrets/present/versions/7] not found.`,
    ],
    [
      'an alias',
      'present/versions/blue',
      `Secret Version [${parent}/secrets/present/versions/blue] not found.`,
    ],
  ])('%s is NOT_FOUND', async (_, path, message) => {
    if (!secrets.has('present')) secrets.set('present', 'x')
    expect(await get(`${parent}/secrets/${path}:access`)).toEqual({
      status: 404,
      body: { error: { code: 404, message, status: 'NOT_FOUND' } },
    })
    await expect(access(`${parent}/secrets/${path}`)).rejects.toMatchObject({
      message: expect.stringContaining(message),
    })
  })

  test('the latest version of an empty secret is NOT_FOUND', async () => {
    await client.createSecret({ parent, secretId: 'empty', secret: {} })
    await expect(access(`${parent}/secrets/empty/versions/latest`)).rejects.toThrow(
      'not found or has no versions.',
    )
  })
})

test('an alias selects a version', async () => {
  secrets.set('named', 'old')
  secrets.set('named', 'new')
  const name = `${parent}/secrets/named`
  const [updated] = await client.updateSecret({
    secret: { name, versionAliases: { previous: 1 } },
    updateMask: { paths: ['version_aliases'] },
  })
  expect(Number(updated.versionAliases?.['previous'])).toBe(1)
  expect(await access(`${name}/versions/previous`)).toBe('old')
  for (const versionAliases of [{ latest: 1 }, { NEW: 1 }, { other: 3 }]) {
    const request = { secret: { name, versionAliases }, updateMask: { paths: ['version_aliases'] } }
    await expect(client.updateSecret(request)).rejects.toThrow('alias')
  }
})

test('listSecrets() and listSecretVersions() return pages', async () => {
  for (const name of ['b', 'a', 'c']) secrets.set(`projects/lists/secrets/${name}`, name)
  const pages: unknown[] = []
  let pageToken = ''
  do {
    const request = { parent: 'projects/lists', pageSize: 2, pageToken }
    const [page, , response] = await client.listSecrets(request, { autoPaginate: false })
    pages.push(page.map(({ name }) => name?.at(-1)))
    pageToken = response?.nextPageToken ?? ''
  } while (pageToken)
  expect(pages).toEqual([['a', 'b'], ['c']])

  secrets.set('projects/lists/secrets/a', 'again')
  const [versions] = await client.listSecretVersions({ parent: 'projects/lists/secrets/a' })
  expect(versions.map(({ name }) => name?.at(-1))).toEqual(['2', '1'])
  expect(versions.map(({ state }) => state)).toEqual(['ENABLED', 'ENABLED'])
  const [version] = await client.getSecretVersion({ name: versions[0]?.name ?? '' })
  expect(version.name).toBe('projects/lists/secrets/a/versions/2')

  await client.deleteSecret({ name: 'projects/lists/secrets/a' })
  const [remaining] = await client.listSecrets({ parent: 'projects/lists' })
  expect(remaining.map(({ name }) => name?.at(-1))).toEqual(['b', 'c'])
})

test('invalid secrets and payloads are rejected', async () => {
  secrets.set('strict', 'x')
  const name = `${parent}/secrets/strict`
  await expect(client.createSecret({ parent, secretId: 'strict', secret: {} })).rejects.toThrow(
    `Secret [${name}] already exists.`,
  )
  await expect(client.createSecret({ parent, secretId: 'a b', secret: {} })).rejects.toThrow('ID')
  const add = (payload: { data: Buffer; dataCrc32c?: number }) =>
    client.addSecretVersion({ parent: name, payload })
  await expect(add({ data: Buffer.alloc(64 * 1024 + 1) })).rejects.toThrow('larger')
  await expect(add({ data: Buffer.from('x'), dataCrc32c: 1 })).rejects.toThrow('checksum')
  const [largest] = await add({ data: Buffer.alloc(64 * 1024) })
  expect(largest.name).toBe(`${name}/versions/2`)
})

test('a fault applies to the operation that it names', async () => {
  const name = secrets.set('failing', 'x')
  const error = { code: 403, message: 'Permission denied', status: 'PERMISSION_DENIED' }
  const headers = { 'content-type': 'application/json' }
  const body = JSON.stringify({ error })
  sandbox.faults.add({ operation: 'secrets.access', status: 403, headers, body })
  await expect(access(name)).rejects.toThrow('Permission denied')
  expect(await access(name)).toBe('x')
  expect(sandbox.calls).toContain('secrets.access')
})

test('a file persists the secrets, readable by its owner only', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sandbox-secrets-'))
  try {
    const path = join(folder, 'secrets.json')
    const before = createSecretManager({ path })
    before.set('kept', 'one')
    before.set('kept', 'two')
    before.destroy('kept', 1)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(readFileSync(path, 'utf8')).not.toContain(Buffer.from('one').toString('base64'))

    const after = createSecretManager({ path })
    expect(after.set('kept', 'three')).toBe(`${parent}/secrets/kept/versions/3`)
    const second = await startSandbox([after])
    const response = await fetch(`${second.url}/v1/${parent}/secrets/kept/versions/2:access`)
    const { payload } = (await response.json()) as { payload: { data: string } }
    expect(Buffer.from(payload.data, 'base64').toString('utf8')).toBe('two')
    await second.close()
  } finally {
    rmSync(folder, { recursive: true })
  }
})
