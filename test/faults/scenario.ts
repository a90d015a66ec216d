/** Schedules: what is uploaded, by which way, what goes wrong meanwhile, and what has to come of it. */
import * as fc from 'fast-check'
import { isPossible, kindNames, kindOf, kinds } from './fault-catalog.ts'
import type { Blow, KindName, Place } from './fault-catalog.ts'
import { chunk } from './fixture.ts'

export const ways = ['form', 'raw', 'raw of unknown length', 'tus', 'tus, all at once'] as const
export type Way = (typeof ways)[number]

export interface Schedule {
  way: Way
  /** Bytes of each file; a form may have two. */
  sizes: number[]
  /** Names the bytes. */
  salt: number
  blows: Blow[]
  /** Where the caller leaves, as a share of the first request's bytes, and how. */
  leaves: { at: number; how: 'FIN' | 'RST' } | undefined
  /** Whether chunks grow as they do in production, or are all of the least size. */
  isPaced: boolean
}

const mebibyte = 1024 * 1024

/** Dense around multiples of 256 KiB. */
const aroundUnits = (most: number): fc.Arbitrary<number> =>
  fc
    .tuple(fc.nat(most), fc.integer({ min: -2, max: 2 }))
    .map(([units, more]) => Math.max(0, units * chunk + more))

const size = fc.oneof(
  { arbitrary: aroundUnits(12), weight: 140 },
  { arbitrary: fc.nat(3 * mebibyte), weight: 50 },
  { arbitrary: aroundUnits(48), weight: 9 },
  { arbitrary: aroundUnits(256).map((bytes) => Math.min(bytes, 64 * mebibyte)), weight: 1 },
)

const amount = fc.oneof(fc.nat(chunk), fc.constantFrom(0, 1, chunk - 1, chunk))

/** @param odds of each kind */
function blow(names: readonly KindName[], places?: readonly Place[]): fc.Arbitrary<Blow> {
  const pairs = names.flatMap((kind) =>
    kinds[kind].at
      .filter((place) => places?.includes(place) ?? true)
      .map((place) => ({ place, kind })),
  )
  return fc
    .record({
      pair: fc.constantFrom(...pairs),
      amount,
      times: fc.constantFrom(1, 1, 1, 2),
    })
    .map(({ pair, ...rest }) => ({ ...pair, ...rest }))
}

const isSlow = (name: KindName): boolean => 'slow' in kinds[name]
const quick = kindNames.filter((name) => !isSlow(name))
const passing = quick.filter((name) => kinds[name].passes)
const ending = quick.filter((name) => !kinds[name].passes)

const anyBlow = fc.oneof(
  { arbitrary: blow(passing, ['ids', 'create', 'open', 'status', 'look-up']), weight: 30 },
  {
    arbitrary: blow(passing, ['create', 'first chunk', 'middle chunk', 'last chunk', 'any chunk']),
    weight: 50,
  },
  { arbitrary: blow(passing, ['cancel', 'removal']), weight: 10 },
  { arbitrary: blow(ending), weight: 9 },
  { arbitrary: blow(kindNames.filter(isSlow)), weight: 1 },
)

const leaves = fc.oneof(
  { arbitrary: fc.constant(undefined), weight: 4 },
  {
    arbitrary: fc.record({
      at: fc.oneof(
        { arbitrary: fc.double({ min: 0, max: 1, noNaN: true }), weight: 9 },
        { arbitrary: fc.constant(1), weight: 1 },
      ),
      how: fc.constantFrom('FIN' as const, 'RST' as const),
    }),
    weight: 1,
  },
)

/** One file, or two. */
const sizes = fc.oneof(
  { arbitrary: fc.tuple(size), weight: 3 },
  { arbitrary: fc.tuple(size, size), weight: 1 },
)

const plain = {
  way: fc.constantFrom(...ways),
  salt: fc.nat(2 ** 31 - 1),
  isPaced: fc.boolean(),
}

/** Anything at all. */
export const anySchedule: fc.Arbitrary<Schedule> = fc
  .record({
    ...plain,
    sizes,
    blows: fc.array(anyBlow, { minLength: 1, maxLength: 6 }),
    leaves,
  })
  .map(fitting)

/** How an answer is lost that says that all is done, and what comes on top of it. */
const lost: KindName[] = [
  'a reset for an answer',
  'a FIN for an answer',
  '503 afterwards',
  'half an answer',
  'silence for an answer',
  'silence for a body',
]
const lastWords = fc.oneof(
  { arbitrary: blow(lost.slice(0, 4), ['create', 'last chunk']), weight: 19 },
  { arbitrary: blow(lost.slice(4), ['create', 'last chunk']), weight: 1 },
)
const onTop = fc.oneof(
  blow(['503', '429', 'a reset', 'a FIN', 'a reset for an answer', 'half an answer'], ['status']),
  blow(['503', '429', 'a reset', 'a FIN', 'a reset for an answer'], ['look-up']),
  blow(['a session forgotten'], ['status']),
)

/** The last answer is lost, once or more, by each request that can bring it. */
export const lostLastAnswer: fc.Arbitrary<Schedule> = fc
  .record({
    ...plain,
    sizes: fc.tuple(size), // of two files, the last chunk of one is another’s first
    last: lastWords,
    more: fc.array(onTop, { maxLength: 3 }),
  })
  .map(({ last, more, ...rest }) => {
    // Small files are one request where they may be; of a large one it is the last chunk.
    const twins: Blow[] = [
      { ...last, place: 'create' },
      { ...last, place: 'last chunk' },
    ]
    // A client of tus asks for the status also before the last chunk: lost then is lost.
    const fair = more.filter(({ kind }) => kind !== 'a session forgotten' || !isTus(rest))
    return fitting({
      ...rest,
      blows: [...twins.filter(isPossible), ...fair],
      leaves: undefined,
      // Which chunk is the last is known beforehand of even ones alone.
      isPaced: rest.isPaced && rest.sizes.every((bytes) => bytes < mebibyte),
    })
  })

/** Only a form has two files. */
function fitting(schedule: Schedule): Schedule {
  return schedule.way === 'form' ? schedule : { ...schedule, sizes: schedule.sizes.slice(0, 1) }
}

export function isTus({ way }: Pick<Schedule, 'way'>): boolean {
  return way.startsWith('tus')
}

/**
 * Whether nothing that struck is more than an upload has to survive: each fault passes, and all of
 * them together are fewer than an upload's tries. A client of tus has its upload even when it was
 * cut off.
 */
export function mustSucceed(schedule: Schedule, struck: readonly Blow[]): boolean {
  return (
    (schedule.leaves === undefined || isTus(schedule)) &&
    struck.every((one) => kindOf(one).passes) &&
    struck.filter(({ kind }) => kind === '401').length < 2 &&
    costOf(struck) < 8
  )
}

/** How many tries were spoiled at most. */
export function costOf(struck: readonly Blow[]): number {
  return struck.filter((one) => kindOf(one).costs !== 0).length
}

/** Whether Drive was done with the last byte, and its answer did not arrive. */
export function isLastAnswerLost(struck: readonly Blow[]): boolean {
  return struck.some(
    ({ place, kind }) => (place === 'create' || place === 'last chunk') && lost.includes(kind),
  )
}

/** Sessions that are left at Drive with nobody to blame: their URI was never heard. */
export function unheardSessions(struck: readonly Blow[]): number {
  return struck.filter((one) => one.place === 'open' && kindOf(one).unheard).length
}

/** The same for tus, whose client was told by Drive itself that there is no such upload. */
export function deniedSessions(schedule: Schedule, struck: readonly Blow[]): number {
  return isTus(schedule) ? struck.filter(({ kind }) => kind.endsWith(' to a session')).length : 0
}
