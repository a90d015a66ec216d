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

test('what was sealed opens for its purpose alone (case 8)', async () => {
  const seal = sealWith(one)
  const sealed = await seal.seal('a', { x: 1 })
  expect(await seal.open('a', sealed)).toEqual({ x: 1 })
  for (const purpose of ['b', '', 'A', 'a ', 'driveway a']) {
    expect(await seal.open(purpose, sealed)).toBeUndefined()
  }
})

test('what was sealed says nothing but which key it was', async () => {
  const sealed = await sealWith(one).seal('a', { refreshToken: '1//0secret' })
  expect(decodeProtectedHeader(sealed)).toEqual({ alg: 'dir', enc: 'A256GCM', kid: 'one' })
  expect(Buffer.from(sealed, 'base64url').toString('latin1')).not.toContain('secret')
})

test('no IV comes twice in five thousand seals, nor does any sealed text (case 37)', async () => {
  const seal = sealWith(one)
  const all = await Promise.all(Array.from({ length: 5_000 }, () => seal.seal('a', { x: 1 })))
  expect(new Set(all.map((sealed) => sealed.split('.')[2])).size).toBe(5_000)
  expect(new Set(all).size).toBe(5_000)
})

test('no single changed letter opens, in whatever way base64url may be written (case 37)', async () => {
  const seal = sealWith(one)
  // Lengths of every remainder, so that last letters carry unused bits.
  for (const filling of ['', 'x', 'xx', 'xxx']) {
    const sealed = await seal.seal('a', { filling })
    const spoilt = sealed
      .split('')
      .flatMap((letter, index) =>
        ['A', 'B', 'g', '_', '=', '+', ' ', '\n']
          .filter((other) => other !== letter)
          .map((other) => sealed.slice(0, index) + other + sealed.slice(index + 1)),
      )
    for (const text of [...spoilt, `${sealed}=`, `${sealed}\n`, ` ${sealed}`, `${sealed}A`]) {
      expect([text, await seal.open('a', text)]).toEqual([text, undefined])
    }
  }
})

describe('a rotation', () => {
  test('opens with every key, and seals with the first', async () => {
    const old = await sealWith(one).seal('a', { x: 1 })
    const both = sealWith(two, one)
    expect(await both.open('a', old)).toEqual({ x: 1 })
    expect(decodeProtectedHeader(await both.seal('a', {})).kid).toBe('two')
    expect([await both.isOld(old), await both.isOld(await both.seal('a', {}))]).toEqual([
      true,
      false,
    ])
    expect(await sealWith(two).open('a', old)).toBeUndefined()
  })

  test('a key that is not known makes the keyring be read again, once', async () => {
    const sealed = await sealWith(two).seal('a', { x: 1 })
    const asked: unknown[] = []
    const seal = createSeal((fresh) => {
      asked.push(fresh)
      return Promise.resolve(JSON.stringify({ keys: fresh ? [two, one] : [one] }))
    })
    expect(await seal.open('a', sealed)).toEqual({ x: 1 })
    expect(asked).toEqual([undefined, true])
  })

  test('another key of the same name opens nothing', async () => {
    const sealed = await sealWith(one).seal('a', { x: 1 })
    expect(await sealWith(keyOf('one')).open('a', sealed)).toBeUndefined()
  })
})

test.each(['', '.', '....', 'a.b.c.d.e', 'eyJ', 'null', '{}', '\0', 'e30..e30.e30.e30'])(
  '%p opens as nothing, and reads no keyring',
  async (text) => {
    const seal = createSeal(() => Promise.reject(new Error('read')))
    expect(await seal.open('a', text)).toBeUndefined()
  },
)
