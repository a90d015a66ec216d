/** What the store holds is worth nothing without the keyring, and nothing once it was touched. */
import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { CompactEncrypt } from 'jose'
import type { DocumentJson } from '../../infra/sandbox/firestore/index.ts'
import { codeOf, send, startDriveway } from '../kit/environment.ts'
import type { Driveway, RawAnswer } from '../kit/environment.ts'
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
let untouched: DocumentJson
const houses: Driveway[] = []

function setKeyring(...keys: unknown[]): void {
  driveway.google.secrets.set('ring', JSON.stringify({ keys }))
}

/** A gateway that has read no keyring and no grant yet. */
async function cold(env: Record<string, string> = {}): Promise<Driveway> {
  const house = await startDriveway({
    beside: driveway,
    env: { KEYRING_SECRET_NAME: latest, ...env },
  })
  houses.push(house)
  return house
}

function grantOf(sub: string): DocumentJson {
  const found = driveway.google.firestore.dump().find(({ name }) => name.endsWith(`/grants/${sub}`))
  if (!found) throw new Error('Cannot find the grant')
  return found
}

const sealedIn = ({ fields }: DocumentJson): string =>
  (fields['sealed'] as { stringValue: string }).stringValue

async function write(name: string, fields: Record<string, unknown>): Promise<void> {
  const body = JSON.stringify({ fields })
  await fetch(`${driveway.google.url}/v1/${name}`, { method: 'PATCH', body })
}

const files = (at: Driveway): Promise<RawAnswer> =>
  send(at.origin, '/files', { headers: { cookie } })

beforeAll(async () => {
  driveway = await startDriveway({ signedIn: false })
  setKeyring(first)
  const house = await startDriveway({ beside: driveway, env: { KEYRING_SECRET_NAME: latest } })
  ;({ cookie } = await signInAs(house))
  await signInAs(house, { email: 'ben@example.com' })
  await house.close()
  untouched = grantOf(driveway.sub)
})
afterEach(async () => {
  for (const house of houses.splice(0)) await house.close()
})
afterAll(() => driveway.close())
beforeEach(async () => {
  setKeyring(first)
  await write(untouched.name, untouched.fields)
})

const parts = (): string[] => sealedIn(untouched).split('.')
const header = (fields: object): string => Buffer.from(JSON.stringify(fields)).toString('base64url')
const otherSub = (): string => driveway.google.oauth.users[1]?.sub ?? ''

async function expectQuarantined(house: Driveway, fields: Record<string, unknown>): Promise<void> {
  const before = grantOf(driveway.sub).fields
  const answer = await files(house)
  expect([answer.status, codeOf(answer)]).toEqual([401, 'reauth_required'])
  expect(grantOf(driveway.sub).fields).toEqual(before)
  expect(before).toMatchObject(fields)
  const alerts = house.logs.filter(({ message }) => message === 'grant unreadable')
  expect(alerts[0]).toMatchObject({ severity: 'ERROR', sub: driveway.sub })
  const session = await send(house.origin, '/auth/session', { headers: { cookie } })
  expect([session.status, codeOf(session)]).toEqual([401, 'reauth_required'])
}

describe('a sealed token that was touched opens for nobody (case 37)', () => {
  test('any bit of it flipped', async () => {
    const house = await cold()
    const sealed = sealedIn(untouched)
    const bytes = Buffer.from(sealed)
    for (let index = 0; index < bytes.length; index += 11) {
      const spoilt = Buffer.from(bytes)
      spoilt[index] = (spoilt[index] ?? 0) ^ (1 << (index % 3))
      const stringValue = spoilt.toString('latin1')
      await write(untouched.name, { ...untouched.fields, sealed: { stringValue } })
      const answer = await files(house)
      expect([index, answer.status, codeOf(answer)]).toEqual([index, 401, 'reauth_required'])
    }
    await write(untouched.name, untouched.fields)
    expect((await files(house)).status).toBe(200)
  })

  test.each<[string, () => string | Promise<string>]>([
    ['empty', () => ''],
    ['cut short', () => sealedIn(untouched).slice(0, -3)],
    ['without its tag', () => `${parts().slice(0, 4).join('.')}.`],
    ['with a tag of 4 bytes', () => [...parts().slice(0, 4), parts()[4]?.slice(0, 6)].join('.')],
    ['with a part more', () => `${sealedIn(untouched)}.A`],
    ["another person's", () => sealedIn(grantOf(otherSub()))],
    ['of an unknown key', () => [header({ alg: 'dir', enc: 'A256GCM', kid: 'x' })].join('.')],
    [
      'relabelled with an unknown key',
      () => [header({ alg: 'dir', enc: 'A256GCM', kid: 'x' }), ...parts().slice(1)].join('.'),
    ],
    [
      'relabelled with an older algorithm',
      () => [header({ alg: 'dir', enc: 'A128GCM', kid: 'first' }), ...parts().slice(1)].join('.'),
    ],
    [
      'sealed by somebody with a key of that name',
      () =>
        new CompactEncrypt(Buffer.from(JSON.stringify({ refreshToken: '1//0evil' })))
          .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: 'first' })
          .encrypt(Buffer.from(foreign.k, 'base64url')),
    ],
    ['plain', () => JSON.stringify({ refreshToken: '1//0evil' })],
    ['unsecured', () => `${header({ alg: 'none' })}.${header({ refreshToken: '1//0evil' })}.`],
  ])('%s', async (_, make) => {
    const sealed = { stringValue: await make() }
    await write(untouched.name, { ...untouched.fields, sealed })
    await expectQuarantined(await cold(), { sealed })
  })

  test.each<[string, Record<string, unknown>]>([
    ['no token', { sealed: undefined }],
    ['a token that is a number', { sealed: { integerValue: '7' } }],
    ['no address', { email: undefined }],
    ['scopes that are a text', { scopes: { stringValue: 'drive' } }],
    ['a cause that is a number', { deathCause: { integerValue: '7' } }],
  ])('a record with %s', async (_, change) => {
    await write(untouched.name, { ...untouched.fields, ...change })
    await expectQuarantined(await cold(), {})
  })

  test('others are not concerned', async () => {
    await write(untouched.name, { ...untouched.fields, sealed: { stringValue: 'x' } })
    const house = await cold()
    const { cookie: theirs } = await signInAs(house, { email: 'ben@example.com' })
    const answer = await send(house.origin, '/files', { headers: { cookie: theirs } })
    expect(answer.status).toBe(200)
  })
})

describe('the keyring is rotated', () => {
  test('an old record opens with both keys there, and is sealed again with the new one', async () => {
    setKeyring(second, first)
    expect((await files(await cold())).status).toBe(200)
    const resealed = grantOf(driveway.sub)
    const [head = ''] = sealedIn(resealed).split('.')
    expect(JSON.parse(Buffer.from(head, 'base64url').toString())).toMatchObject({ kid: 'second' })
    expect({ ...resealed.fields, sealed: '' }).toEqual({ ...untouched.fields, sealed: '' })
    setKeyring(second)
    expect((await files(await cold())).status).toBe(200)
  })

  test('a record of a key that is gone asks for a new sign-in (case 37)', async () => {
    setKeyring(second)
    const house = await cold()
    await expectQuarantined(house, {})
    const { answer } = await signInAs(house)
    expect(new URL(answer.headers.location ?? '').searchParams.get('prompt')).toBe('consent')
  })

  test('a gateway that meets a newer key reads the keyring again', async () => {
    let clock = 0
    const house = await startDriveway({
      beside: driveway,
      env: { KEYRING_SECRET_NAME: latest },
      gateway: { now: () => Date.now() + clock },
    })
    houses.push(house)
    await send(house.origin, '/auth')
    setKeyring(second, first)
    expect((await files(await cold())).status).toBe(200)
    clock = 31_000
    expect((await files(house)).status).toBe(200)
  })

  test('a grant whose record was sealed again can still be ended (case 38)', async () => {
    setKeyring(second, first)
    driveway.google.faults.add({
      operation: 'oauth.refresh',
      status: 400,
      headers: { 'content-type': 'application/json' },
      body: '{"error":"invalid_grant"}',
    })
    expect(codeOf(await files(await cold()))).toBe('reauth_required')
    expect(grantOf(driveway.sub).fields['deathCause']).toHaveProperty('stringValue')
  })
})

describe('a keyring that is none stops everything but the process', () => {
  test.each<[string, string]>([
    ['empty', ''],
    ['no JSON', 'secret-key-material'],
    ['no keys', '{"keys":[]}'],
    ['a short key', JSON.stringify({ keys: [{ ...first, k: 'c2hvcnQ' }] })],
    ['one good and one bad key', JSON.stringify({ keys: [first, { ...second, kty: 'RSA' }] })],
    ['a key without a name', JSON.stringify({ keys: [{ kty: 'oct', k: first.k }] })],
    ['null', 'null'],
    ['a list of nothing', '{"keys":[null]}'],
  ])('%s', async (_, text) => {
    driveway.google.secrets.set('ring', text)
    const house = await cold()
    const answer = await send(house.origin, '/auth')
    expect([answer.status, codeOf(answer)]).toEqual([503, 'misconfigured'])
    expect(answer.body + house.lines.join('')).not.toMatch(/secret-key|c2hvcnQ|"k"/)
  })

  test('white space around a keyring does no harm (case 88)', async () => {
    driveway.google.secrets.set('ring', `\n${JSON.stringify({ keys: [first] })}\r\n`)
    expect((await files(await cold())).status).toBe(200)
  })
})
