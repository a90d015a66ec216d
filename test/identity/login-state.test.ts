import { expect, test } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { GatewayError } from '../../functions/errors.ts'
import { createLoginStates, loginTtlMs } from '../../functions/identity/login-state.ts'
import type { LoginStates } from '../../functions/identity/login-state.ts'
import { createSeal } from '../../functions/token/sealed-values.ts'

const seal = createSeal(() => {
  const key = { kty: 'oct', kid: 'k', k: Buffer.alloc(32, 7).toString('base64url') }
  return Promise.resolve(JSON.stringify({ keys: [key] }))
})
const binding = randomBytes(16).toString('base64url')
const home = 'https://drive.example/'

function setUp(): { loginStates: LoginStates; clock: { now: number } } {
  const clock = { now: 1_000_000 }
  const used = new Set<string>()
  const consume = (id: string): Promise<boolean> => {
    const isFirst = !used.has(id)
    used.add(id)
    return Promise.resolve(isFirst)
  }
  return { loginStates: createLoginStates(seal, { consume }, () => clock.now), clock }
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'none'
  } catch (error) {
    return error instanceof GatewayError ? error.code : String(error)
  }
}

test('read() returns the sign-in of start(), and the state does not reveal it', async () => {
  const { loginStates } = setUp()
  const { login, state } = await loginStates.start(binding, { returnTo: home }, true)
  expect(await loginStates.read(state, binding)).toEqual({ login })
  expect(login).toMatchObject({ returnTo: home, consentForced: true })
  const bytes = state.split('.').map((part) => Buffer.from(part, 'base64url').toString('latin1'))
  for (const secret of [login.codeVerifier, login.nonce, login.id, binding, 'drive.example']) {
    expect(state + bytes.join()).not.toContain(secret)
  }
})

test('start() creates a random verifier, nonce and id, long enough for PKCE', async () => {
  const { loginStates } = setUp()
  const started = await Promise.all(
    Array.from({ length: 200 }, () => loginStates.start(binding, { returnTo: home })),
  )
  const values = started.flatMap(({ login }) => [login.codeVerifier, login.nonce, login.id])
  expect(new Set(values).size).toBe(600)
  for (const value of values) expect(value).toMatch(/^[\w-]{43}$/)
})

test('read() rejects the state of another browser', async () => {
  const { loginStates } = setUp()
  const { state } = await loginStates.start(binding, { returnTo: home })
  for (const other of [undefined, '', 'x', binding.slice(1), `${binding}A`]) {
    expect(await codeOf(loginStates.read(state, other))).toBe('state_mismatch')
  }
  expect(await codeOf(loginStates.read(state, binding))).toBe('none')
})

test('read() rejects a state after ten minutes, before it checks the browser', async () => {
  const { loginStates, clock } = setUp()
  const { state } = await loginStates.start(binding, { returnTo: home })
  clock.now += loginTtlMs - 1
  expect(await codeOf(loginStates.read(state, binding))).toBe('none')
  clock.now += 1
  expect(await codeOf(loginStates.read(state, binding))).toBe('state_expired')
  expect(await codeOf(loginStates.read(state, undefined))).toBe('state_expired')
})

test('read() works repeatedly, and consume() succeeds once', async () => {
  const { loginStates } = setUp()
  const { login, state } = await loginStates.start(binding, { returnTo: home })
  for (let count = 0; count < 3; count++) await loginStates.read(state, binding)
  const results = await Promise.all(
    Array.from({ length: 8 }, () => codeOf(loginStates.consume(login))),
  )
  expect(results.filter((code) => code === 'none')).toHaveLength(1)
  expect(results.filter((code) => code === 'state_used')).toHaveLength(7)
})

test('read() rejects a value that was sealed for another purpose', async () => {
  const { loginStates } = setUp()
  const { login } = await loginStates.start(binding, { returnTo: home })
  const other = await seal.seal('refresh-token of 1', { ...login, binding })
  for (const state of [other, 'x', '.'.repeat(4), 'a'.repeat(100_000)]) {
    expect(await codeOf(loginStates.read(state, binding))).toBe('state_invalid')
  }
  for (const state of [null, '']) {
    expect(await codeOf(loginStates.read(state, binding))).toBe('state_missing')
  }
})

test('read() accepts a state with the longest return URL', async () => {
  const { loginStates } = setUp()
  const { state } = await loginStates.start(binding, {
    returnTo: `${home}${'\u00fc'.repeat(1_000)}`,
  })
  expect(await codeOf(loginStates.read(state, binding))).toBe('none')
})
