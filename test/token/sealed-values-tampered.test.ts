/** Property test: a modified sealed value, or one for another purpose, cannot be opened. */
import { randomBytes } from 'node:crypto'
import { expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { createSeal } from '../../functions/token/sealed-values.ts'
import { seed } from '../kit/random.ts'

const runs = Number(process.env['SEAL_RUNS'] ?? 500)
const keys = ['one', 'two'].map((kid) => ({
  kty: 'oct',
  kid,
  k: randomBytes(32).toString('base64url'),
}))
const seal = createSeal(() => Promise.resolve(JSON.stringify({ keys })))
const older = createSeal(() => Promise.resolve(JSON.stringify({ keys: keys.toReversed() })))

/** Modifies a sealed text; may use parts of another one. */
type Change = (text: string, other: string) => string
const at = (text: string, where: number): number => Math.floor(where * text.length)
const change: fc.Arbitrary<Change> = fc.oneof(
  fc
    .tuple(fc.double({ min: 0, max: 0.999999, noNaN: true }), fc.nat(63))
    .map(([where, letter]): Change => (text) => {
      const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
      const index = at(text, where)
      return text.slice(0, index) + alphabet.charAt(letter) + text.slice(index + 1)
    }),
  fc.nat(4).map(
    (part): Change =>
      (text, other) =>
        text
          .split('.')
          .map((own, index) => (index === part ? (other.split('.')[index] ?? '') : own))
          .join('.'),
  ),
  fc.double({ min: 0, max: 1, noNaN: true }).map(
    (where): Change =>
      (text) =>
        text.slice(0, at(text, where)),
  ),
  fc.double({ min: 0, max: 1, noNaN: true }).map(
    (where): Change =>
      (text, other) =>
        text.slice(0, at(text, where)) + other.slice(at(other, where)),
  ),
  fc.string({ minLength: 1, maxLength: 3 }).map(
    (more): Change =>
      (text) =>
        text + more,
  ),
  fc.constant<Change>((text) => text.split('.').toReversed().join('.')),
  fc.constant<Change>((_, other) => other),
)

test(`open() returns nothing for a modified or swapped value (SEED=${seed})`, async () => {
  let changed = 0
  let unchanged = 0
  await fc.assert(
    fc.asyncProperty(
      fc.string({ maxLength: 60 }),
      fc.boolean(),
      fc.array(change, { minLength: 1, maxLength: 3 }),
      async (refreshToken, isOld, changes) => {
        const own = await (isOld ? older : seal).seal('refresh-token of 1', { refreshToken })
        const foreign = await seal.seal('refresh-token of 2', { refreshToken })
        const modified = changes.reduce((text, modify) => modify(text, foreign), own)
        const opened = await seal.open('refresh-token of 1', modified)
        // Only a modification that results in the same text opens.
        expect(opened).toEqual(modified === own ? { refreshToken } : undefined)
        expect(await seal.open('refresh-token of 2', own)).toBeUndefined()
        expect(await seal.open('login state', own)).toBeUndefined()
        if (modified === own) unchanged++
        else changed++
      },
    ),
    { seed, numRuns: runs },
  )
  process.stdout.write(
    `Sealed values: ${changed} modified, none opened; ${unchanged} unchanged by chance; ${changed + unchanged} opened for another account and purpose, none opened\n`,
  )
}, 600_000)
