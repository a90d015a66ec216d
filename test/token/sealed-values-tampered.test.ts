/** Whatever is done to what was sealed, it opens for nobody but whom it was sealed for (case 37). */
import { randomBytes } from 'node:crypto'
import { expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { createSeal } from '../../functions/token/sealed-values.ts'
import { seed } from '../kit/random.ts'

const runs = Number(process.env['SEAL_RUNS'] ?? 1_500)
const keys = ['one', 'two'].map((kid) => ({
  kty: 'oct',
  kid,
  k: randomBytes(32).toString('base64url'),
}))
const seal = createSeal(() => Promise.resolve(JSON.stringify({ keys })))
const older = createSeal(() => Promise.resolve(JSON.stringify({ keys: keys.toReversed() })))

/** Each changes a sealed text, perhaps with the help of another one. */
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

test(`no change and no swap opens (SEED=${seed})`, async () => {
  let changed = 0
  let unchanged = 0
  await fc.assert(
    fc.asyncProperty(
      fc.string({ maxLength: 60 }),
      fc.boolean(),
      fc.array(change, { minLength: 1, maxLength: 3 }),
      async (refreshToken, isOld, changes) => {
        const mine = await (isOld ? older : seal).seal('refresh-token of 1', { refreshToken })
        const theirs = await seal.seal('refresh-token of 2', { refreshToken })
        const spoilt = changes.reduce((text, spoil) => spoil(text, theirs), mine)
        const opened = await seal.open('refresh-token of 1', spoilt)
        // A change that happens to be none is the only one that opens.
        expect(opened).toEqual(spoilt === mine ? { refreshToken } : undefined)
        expect(await seal.open('refresh-token of 2', mine)).toBeUndefined()
        expect(await seal.open('login state', mine)).toBeUndefined()
        if (spoilt === mine) unchanged++
        else changed++
      },
    ),
    { seed, numRuns: runs },
  )
  process.stdout.write(
    `Sealed tokens: ${changed} changed, none opened; ${unchanged} left as they were by chance; ${changed + unchanged} asked of another account and another purpose, none opened\n`,
  )
}, 600_000)
