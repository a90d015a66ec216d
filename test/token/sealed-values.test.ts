import { describe, expect, test } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { decodeProtectedHeader } from 'jose'
import { createSeal } from '../../functions/token/sealed-values.ts'
import type { Seal } from '../../functions/token/sealed-values.ts'

const keyOf = (kid: string, bytes = randomBytes(32)): object => ({
  kty: 'oct',
  kid,
  k: bytes.toString('base64url'),
})
const sealWith = (...keys: object[]): Seal =>
  createSeal(() => Promise.resolve(JSON.stringify({ keys })))
const [one, two] = [keyOf('one'), keyOf('two')]

test('open() opens a value for its purpose only', async () => {
  const seal = sealWith(one)
  const sealed = await seal.seal('a', { x: 1 })
  expect(await seal.open('a', sealed)).toEqual({ x: 1 })
  for (const purpose of ['b', '', 'A', 'a ', 'driveway a']) {
    expect(await seal.open(purpose, sealed)).toBeUndefined()
  }
})

test('a sealed value reveals the key ID only', async () => {
  const sealed = await sealWith(one).seal('a', { refreshToken: '1//0secret' })
  expect(decodeProtectedHeader(sealed)).toEqual({ alg: 'dir', enc: 'A256GCM', kid: 'one' })
  expect(Buffer.from(sealed, 'base64url').toString('latin1')).not.toContain('secret')
})

test('seal() never repeats an IV or a sealed text in 5,000 calls', async () => {
  const seal = sealWith(one)
  const all = await Promise.all(Array.from({ length: 5_000 }, () => seal.seal('a', { x: 1 })))
  expect(new Set(all.map((sealed) => sealed.split('.')[2])).size).toBe(5_000)
  expect(new Set(all).size).toBe(5_000)
})

test('open() rejects every change of one character, other base64url spellings included', async () => {
  const seal = sealWith(one)
  // Lengths of every remainder modulo 4, so that the last characters have unused bits.
  for (const filling of ['', 'x', 'xx', 'xxx']) {
    const sealed = await seal.seal('a', { filling })
    const modified = sealed
      .split('')
      .flatMap((character, index) =>
        ['A', 'B', 'g', '_', '=', '+', ' ', '\n']
          .filter((other) => other !== character)
          .map((other) => sealed.slice(0, index) + other + sealed.slice(index + 1)),
      )
    for (const text of [...modified, `${sealed}=`, `${sealed}\n`, ` ${sealed}`, `${sealed}A`]) {
      expect([text, await seal.open('a', text)]).toEqual([text, undefined])
    }
  }
})

describe('a rotated keyring', () => {
  test('opens with every key and seals with the first one', async () => {
    const old = await sealWith(one).seal('a', { x: 1 })
    const both = sealWith(two, one)
    expect(await both.open('a', old)).toEqual({ x: 1 })
    expect(decodeProtectedHeader(await both.seal('a', {})).kid).toBe('two')
    expect([await both.usesOldKey(old), await both.usesOldKey(await both.seal('a', {}))]).toEqual([
      true,
      false,
    ])
    expect(await sealWith(two).open('a', old)).toBeUndefined()
  })

  test('is read again, once, for an unknown key ID', async () => {
    const sealed = await sealWith(two).seal('a', { x: 1 })
    const reads: unknown[] = []
    const seal = createSeal((forceRefresh) => {
      reads.push(forceRefresh)
      return Promise.resolve(JSON.stringify({ keys: forceRefresh ? [two, one] : [one] }))
    })
    expect(await seal.open('a', sealed)).toEqual({ x: 1 })
    expect(reads).toEqual([undefined, true])
  })

  test('does not open a value with another key of the same ID', async () => {
    const sealed = await sealWith(one).seal('a', { x: 1 })
    expect(await sealWith(keyOf('one')).open('a', sealed)).toBeUndefined()
  })
})

test.each(['', '.', '....', 'a.b.c.d.e', 'eyJ', 'null', '{}', '\0', 'e30..e30.e30.e30'])(
  'open() returns nothing for %p without reading the keyring',
  async (text) => {
    const seal = createSeal(() => Promise.reject(new Error('unexpected read')))
    expect(await seal.open('a', text)).toBeUndefined()
  },
)
