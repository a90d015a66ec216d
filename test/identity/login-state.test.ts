import { expect, test } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { GatewayError } from '../../functions/errors.ts'
import { createLogins, loginLifetimeMs } from '../../functions/identity/login-state.ts'
import type { Logins } from '../../functions/identity/login-state.ts'
import { createSeal } from '../../functions/token/sealed-values.ts'

const seal = createSeal(() => {
  const key = { kty: 'oct', kid: 'k', k: Buffer.alloc(32, 7).toString('base64url') }
  return Promise.resolve(JSON.stringify({ keys: [key] }))
})
const binding = randomBytes(16).toString('base64url')
const home = 'https://drive.example/'

function setUp(): { logins: Logins; clock: { now: number } } {
  const clock = { now: 1_000_000 }
  const used = new Set<string>()
  const claim = (id: string): Promise<boolean> => {
    const isFirst = !used.has(id)
    used.add(id)
    return Promise.resolve(isFirst)
  }
  return { logins: createLogins(seal, { claim }, () => clock.now), clock }
}

async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'none'
  } catch (error) {
    return error instanceof GatewayError ? error.code : String(error)
  }
}

test('a state brings back what it was made with, and nobody can read it', async () => {
  const { logins } = setUp()
  const { login, state } = await logins.start(binding, { returnTo: home }, true)
  expect(await logins.read(state, binding)).toEqual(login)
  expect(login).toMatchObject({ returnTo: home, consentForced: true })
  const bytes = state.split('.').map((part) => Buffer.from(part, 'base64url').toString('latin1'))
  for (const secret of [login.codeVerifier, login.nonce, login.id, binding, 'drive.example']) {
    expect(state + bytes.join()).not.toContain(secret)
  }
})

test('verifier, nonce and id are random, and long enough for PKCE (case 9)', async () => {
  const { logins } = setUp()
  const started = await Promise.all(
    Array.from({ length: 200 }, () => logins.start(binding, { returnTo: home })),
  )
  const values = started.flatMap(({ login }) => [login.codeVerifier, login.nonce, login.id])
  expect(new Set(values).size).toBe(600)
  for (const value of values) expect(value).toMatch(/^[\w-]{43}$/)
})

test('a state belongs to one browser (case 2)', async () => {
  const { logins } = setUp()
  const { state } = await logins.start(binding, { returnTo: home })
  for (const other of [undefined, '', 'x', binding.slice(1), `${binding}A`]) {
    expect(await refusal(logins.read(state, other))).toBe('state_mismatch')
  }
  expect(await refusal(logins.read(state, binding))).toBe('none')
})

test('a state has ten minutes, and tells so before anything about browsers (case 6)', async () => {
  const { logins, clock } = setUp()
  const { state } = await logins.start(binding, { returnTo: home })
  clock.now += loginLifetimeMs - 1
  expect(await refusal(logins.read(state, binding))).toBe('none')
  clock.now += 1
  expect(await refusal(logins.read(state, binding))).toBe('state_expired')
  expect(await refusal(logins.read(state, undefined))).toBe('state_expired')
})

test('reading uses nothing up; claiming works once (case 4)', async () => {
  const { logins } = setUp()
  const { login, state } = await logins.start(binding, { returnTo: home })
  for (let count = 0; count < 3; count++) await logins.read(state, binding)
  const claims = await Promise.all(Array.from({ length: 8 }, () => refusal(logins.claim(login))))
  expect(claims.filter((code) => code === 'none')).toHaveLength(1)
  expect(claims.filter((code) => code === 'state_used')).toHaveLength(7)
})

test('what was sealed for something else is no state (case 8)', async () => {
  const { logins } = setUp()
  const { login } = await logins.start(binding, { returnTo: home })
  const other = await seal.seal('refresh-token of 1', { ...login, binding })
  for (const state of [other, 'x', '.'.repeat(4), 'a'.repeat(100_000)]) {
    expect(await refusal(logins.read(state, binding))).toBe('state_invalid')
  }
  for (const state of [null, '']) {
    expect(await refusal(logins.read(state, binding))).toBe('state_missing')
  }
})

test('the longest return path fits into a state that is taken back', async () => {
  const { logins } = setUp()
  const { state } = await logins.start(binding, { returnTo: `${home}${'\u00fc'.repeat(1_000)}` })
  expect(await refusal(logins.read(state, binding))).toBe('none')
})
