/** Stored grants: useless without the keyring, rejected after any modification. */
import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { CompactEncrypt } from 'jose'
import type { DocumentJson } from '../../infra/sandbox/firestore/index.ts'
import { problemCode, send, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawResponse } from '../kit/environment.ts'
import { replaceDocument } from '../kit/firestore-documents.ts'
import { signInAs } from '../kit/sign-in.ts'

interface Key {
  kty: string
  kid: string
  k: string
}

const newKey = (kid: string): Key => ({ kty: 'oct', kid, k: randomBytes(32).toString('base64url') })
const [first, second, foreign] = [newKey('first'), newKey('second'), newKey('first')]
const latest = 'projects/sandbox/secrets/ring/versions/latest'

let driveway: Driveway
let cookie = ''
let original: DocumentJson
const instances: Driveway[] = []

function setKeyring(...keys: unknown[]): void {
  driveway.google.secrets.set('ring', JSON.stringify({ keys }))
}

/** Starts another instance, which has read no keyring and no grant yet. */
async function freshInstance(env: Record<string, string> = {}): Promise<Driveway> {
  const instance = await startDriveway({
    sharing: driveway,
    env: { KEYRING_SECRET_NAME: latest, ...env },
  })
  instances.push(instance)
  return instance
}

function grantOf(sub: string): DocumentJson {
  const grant = driveway.google.firestore.dump().find(({ name }) => name.endsWith(`/grants/${sub}`))
  if (!grant) throw new Error(`Cannot find the grant of ${sub}`)
  return grant
}

const sealedIn = ({ fields }: DocumentJson): string =>
  (fields['sealed'] as { stringValue: string }).stringValue

const write = (name: string, fields: Record<string, unknown>): Promise<void> =>
  replaceDocument(driveway.google, name, fields)

const files = (at: Driveway): Promise<RawResponse> =>
  send(at.origin, '/files', { headers: { cookie } })

beforeAll(async () => {
  driveway = await startDriveway({ isSignedIn: false })
  setKeyring(first)
  const instance = await startDriveway({ sharing: driveway, env: { KEYRING_SECRET_NAME: latest } })
  ;({ cookie } = await signInAs(instance))
  await signInAs(instance, { email: 'ben@example.com' })
  await instance.close()
  original = grantOf(driveway.sub)
})
afterEach(async () => {
  for (const instance of instances.splice(0)) await instance.close()
})
afterAll(() => driveway.close())
beforeEach(async () => {
  setKeyring(first)
  await write(original.name, original.fields)
})

const parts = (): string[] => sealedIn(original).split('.')
const header = (fields: object): string => Buffer.from(JSON.stringify(fields)).toString('base64url')
const otherSub = (): string => driveway.google.oauth.users[1]?.sub ?? ''

async function expectRejected(instance: Driveway, fields: Record<string, unknown>): Promise<void> {
  const before = grantOf(driveway.sub).fields
  const response = await files(instance)
  expect([response.status, problemCode(response)]).toEqual([401, 'reauth_required'])
  expect(grantOf(driveway.sub).fields).toEqual(before)
  expect(before).toMatchObject(fields)
  const alerts = instance.logs.filter(({ message }) => message === 'grant_unreadable')
  expect(alerts[0]).toMatchObject({ severity: 'ERROR', sub: driveway.sub })
  const session = await send(instance.origin, '/auth/session', { headers: { cookie } })
  expect([session.status, problemCode(session)]).toEqual([401, 'reauth_required'])
}

describe('GET /files with a modified stored grant returns 401 reauth_required and keeps the document', () => {
  test('when any bit of the sealed token is flipped', async () => {
    const instance = await freshInstance()
    const sealed = sealedIn(original)
    const bytes = Buffer.from(sealed)
    for (let index = 0; index < bytes.length; index += 11) {
      const modified = Buffer.from(bytes)
      modified[index] = (modified[index] ?? 0) ^ (1 << (index % 3))
      const stringValue = modified.toString('latin1')
      await write(original.name, { ...original.fields, sealed: { stringValue } })
      const response = await files(instance)
      expect([index, response.status, problemCode(response)]).toEqual([
        index,
        401,
        'reauth_required',
      ])
    }
    await write(original.name, original.fields)
    expect((await files(instance)).status).toBe(200)
  })

  test.each<[string, () => string | Promise<string>]>([
    ['empty', () => ''],
    ['cut short', () => sealedIn(original).slice(0, -3)],
    ['without its tag', () => `${parts().slice(0, 4).join('.')}.`],
    ['with a tag of 4 bytes', () => [...parts().slice(0, 4), parts()[4]?.slice(0, 6)].join('.')],
    ['extended by a part', () => `${sealedIn(original)}.A`],
    ["another account's", () => sealedIn(grantOf(otherSub()))],
    [
      'the header of an unknown key alone',
      () => [header({ alg: 'dir', enc: 'A256GCM', kid: 'x' })].join('.'),
    ],
    [
      'relabelled with an unknown key',
      () => [header({ alg: 'dir', enc: 'A256GCM', kid: 'x' }), ...parts().slice(1)].join('.'),
    ],
    [
      'relabelled with an older algorithm',
      () => [header({ alg: 'dir', enc: 'A128GCM', kid: 'first' }), ...parts().slice(1)].join('.'),
    ],
    [
      'sealed with a foreign key of the same ID',
      () =>
        new CompactEncrypt(Buffer.from(JSON.stringify({ refreshToken: '1//0evil' })))
          .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: 'first' })
          .encrypt(Buffer.from(foreign.k, 'base64url')),
    ],
    ['plain', () => JSON.stringify({ refreshToken: '1//0evil' })],
    ['unsecured', () => `${header({ alg: 'none' })}.${header({ refreshToken: '1//0evil' })}.`],
  ])('when the sealed token is %s', async (_, make) => {
    const sealed = { stringValue: await make() }
    await write(original.name, { ...original.fields, sealed })
    await expectRejected(await freshInstance(), { sealed })
  })

  test.each<[string, Record<string, unknown>]>([
    ['no sealed token', { sealed: undefined }],
    ['a sealed token that is a number', { sealed: { integerValue: '7' } }],
    ['no e-mail address', { email: undefined }],
    ['scopes that are a string', { scopes: { stringValue: 'drive' } }],
    ['a revocation cause that is a number', { revocationCause: { integerValue: '7' } }],
  ])('when the document has %s', async (_, change) => {
    await write(original.name, { ...original.fields, ...change })
    await expectRejected(await freshInstance(), {})
  })

  test('but not for other accounts', async () => {
    await write(original.name, { ...original.fields, sealed: { stringValue: 'x' } })
    const instance = await freshInstance()
    const { cookie: otherCookie } = await signInAs(instance, { email: 'ben@example.com' })
    const response = await send(instance.origin, '/files', { headers: { cookie: otherCookie } })
    expect(response.status).toBe(200)
  })
})

describe('after a key rotation', () => {
  test('GET /files opens a grant with the old key and seals it again with the new one', async () => {
    setKeyring(second, first)
    expect((await files(await freshInstance())).status).toBe(200)
    const resealed = grantOf(driveway.sub)
    const [head = ''] = sealedIn(resealed).split('.')
    expect(JSON.parse(Buffer.from(head, 'base64url').toString())).toMatchObject({ kid: 'second' })
    expect({ ...resealed.fields, sealed: '' }).toEqual({ ...original.fields, sealed: '' })
    setKeyring(second)
    expect((await files(await freshInstance())).status).toBe(200)
  })

  test('GET /files returns 401 for a grant whose key was removed, and a sign-in requests consent', async () => {
    setKeyring(second)
    const instance = await freshInstance()
    await expectRejected(instance, {})
    const { response } = await signInAs(instance)
    expect(new URL(response.headers.location ?? '').searchParams.get('prompt')).toBe('consent')
  })

  test('an instance reads the keyring again when it finds an unknown key ID', async () => {
    let clock = 0
    const instance = await startDriveway({
      sharing: driveway,
      env: { KEYRING_SECRET_NAME: latest },
      gateway: { now: () => Date.now() + clock },
    })
    instances.push(instance)
    await send(instance.origin, '/auth')
    setKeyring(second, first)
    expect((await files(await freshInstance())).status).toBe(200)
    clock = 31_000
    expect((await files(instance)).status).toBe(200)
  })

  test('a grant that was sealed again can still be marked as revoked', async () => {
    setKeyring(second, first)
    driveway.google.faults.add({
      operation: 'oauth.refresh',
      status: 400,
      headers: { 'content-type': 'application/json' },
      body: '{"error":"invalid_grant"}',
    })
    expect(problemCode(await files(await freshInstance()))).toBe('reauth_required')
    expect(grantOf(driveway.sub).fields['revocationCause']).toHaveProperty('stringValue')
  })
})

describe('GET /auth with an invalid keyring returns 503 misconfigured and logs no key', () => {
  test.each<[string, string]>([
    ['empty', ''],
    ['not JSON', 'secret-key-material'],
    ['without keys', '{"keys":[]}'],
    ['a set with a short key', JSON.stringify({ keys: [{ ...first, k: 'c2hvcnQ' }] })],
    [
      'a set with a valid and an invalid key',
      JSON.stringify({ keys: [first, { ...second, kty: 'RSA' }] }),
    ],
    ['a set with a key without an ID', JSON.stringify({ keys: [{ kty: 'oct', k: first.k }] })],
    ['null', 'null'],
    ['a set with a null key', '{"keys":[null]}'],
  ])('when the keyring is %s', async (_, text) => {
    driveway.google.secrets.set('ring', text)
    const instance = await freshInstance()
    const response = await send(instance.origin, '/auth')
    expect([response.status, problemCode(response)]).toEqual([503, 'misconfigured'])
    expect(response.body + instance.lines.join('')).not.toMatch(/secret-key|c2hvcnQ|"k"/)
  })

  test('GET /files succeeds when the keyring secret has surrounding white space', async () => {
    driveway.google.secrets.set('ring', `\n${JSON.stringify({ keys: [first] })}\r\n`)
    expect((await files(await freshInstance())).status).toBe(200)
  })
})
