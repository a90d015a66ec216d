/** Scenarios: what is uploaded, by which method, which faults occur, and whether it must succeed. */
import * as fc from 'fast-check'
import { faultKindNames, faultKinds, isPossible, kindOf, transferTargets } from './fault-catalog.ts'
import type { FaultKindName, FaultTarget, InjectedFault } from './fault-catalog.ts'
import { chunk } from './fixture.ts'

export const uploadMethods = [
  'form',
  'raw',
  'raw of unknown length',
  'tus',
  'tus, whole file on creation',
] as const
export type UploadMethod = (typeof uploadMethods)[number]

export interface Scenario {
  method: UploadMethod
  /** Bytes of each file; a form may have two. */
  sizes: number[]
  contentSeed: number
  faults: InjectedFault[]
  /** Where the client disconnects, as a fraction of the first request's bytes, and how. */
  disconnect: { at: number; how: 'FIN' | 'RST' } | undefined
  /** Whether the chunk size adapts as in production, or is the minimum. */
  isAdaptive: boolean
}

const mebibyte = 1024 * 1024

/** Sizes close to multiples of 256 KiB. */
const aroundUnits = (maxUnits: number): fc.Arbitrary<number> =>
  fc
    .tuple(fc.nat(maxUnits), fc.integer({ min: -2, max: 2 }))
    .map(([units, difference]) => Math.max(0, units * chunk + difference))

const size = fc.oneof(
  { arbitrary: aroundUnits(12), weight: 140 },
  { arbitrary: fc.nat(3 * mebibyte), weight: 50 },
  { arbitrary: aroundUnits(48), weight: 9 },
  { arbitrary: aroundUnits(256).map((bytes) => Math.min(bytes, 64 * mebibyte)), weight: 1 },
)

const amount = fc.oneof(fc.nat(chunk), fc.constantFrom(0, 1, chunk - 1, chunk))

/** @param targets all targets of the kinds by default */
function faultOf(
  kinds: readonly FaultKindName[],
  targets?: readonly FaultTarget[],
): fc.Arbitrary<InjectedFault> {
  const pairs = kinds.flatMap((kind) =>
    faultKinds[kind].targets
      .filter((target) => targets?.includes(target) ?? true)
      .map((target) => ({ target, kind })),
  )
  return fc
    .record({
      pair: fc.constantFrom(...pairs),
      amount,
      times: fc.constantFrom(1, 1, 1, 2),
    })
    .map(({ pair, ...rest }) => ({ ...pair, ...rest }))
}

const isSlow = (name: FaultKindName): boolean => 'isSlow' in faultKinds[name]
const fastKinds = faultKindNames.filter((name) => !isSlow(name))
const transientKinds = fastKinds.filter((name) => faultKinds[name].isTransient)
const permanentKinds = fastKinds.filter((name) => !faultKinds[name].isTransient)

const anyFault = fc.oneof(
  {
    arbitrary: faultOf(transientKinds, ['ids', 'create', 'open', 'status', 'look-up']),
    weight: 30,
  },
  { arbitrary: faultOf(transientKinds, transferTargets), weight: 50 },
  { arbitrary: faultOf(transientKinds, ['cancel', 'removal']), weight: 10 },
  { arbitrary: faultOf(permanentKinds), weight: 9 },
  { arbitrary: faultOf(faultKindNames.filter(isSlow)), weight: 1 },
)

const disconnects = fc.oneof(
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

const base = {
  method: fc.constantFrom(...uploadMethods),
  contentSeed: fc.nat(2 ** 31 - 1),
  isAdaptive: fc.boolean(),
}

export const anyScenario: fc.Arbitrary<Scenario> = fc
  .record({
    ...base,
    sizes,
    faults: fc.array(anyFault, { minLength: 1, maxLength: 6 }),
    disconnect: disconnects,
  })
  .map(withAllowedSizes)

/** Faults that lose the final response of a completed upload. */
const lostResponses: FaultKindName[] = [
  'reset instead of a response',
  'FIN instead of a response',
  '503 after handling',
  'truncated response',
  'hang before the response',
  'hang before the response body',
]
const lastResponseLost = fc.oneof(
  { arbitrary: faultOf(lostResponses.slice(0, 4), ['create', 'last chunk']), weight: 19 },
  { arbitrary: faultOf(lostResponses.slice(4), ['create', 'last chunk']), weight: 1 },
)
const furtherFaults = fc.oneof(
  faultOf(
    ['503', '429', 'reset', 'FIN', 'reset instead of a response', 'truncated response'],
    ['status'],
  ),
  faultOf(['503', '429', 'reset', 'FIN', 'reset instead of a response'], ['look-up']),
  faultOf(['expired session'], ['status']),
)

/** The final response is lost, once or more, for each request that can complete the upload. */
export const lostLastResponse: fc.Arbitrary<Scenario> = fc
  .record({
    ...base,
    sizes: fc.tuple(size), // with two files, the last chunk of one is another file’s first chunk
    last: lastResponseLost,
    further: fc.array(furtherFaults, { maxLength: 3 }),
  })
  .map(({ last, further, ...rest }) => {
    // A small file may be one request; a large one is completed by its last chunk.
    const lastFaults: InjectedFault[] = [
      { ...last, target: 'create' },
      { ...last, target: 'last chunk' },
    ]
    // A tus client queries the status before the last chunk too: then the session is really lost.
    const allowed = further.filter(({ kind }) => kind !== 'expired session' || !isTus(rest))
    return withAllowedSizes({
      ...rest,
      faults: [...lastFaults.filter(isPossible), ...allowed],
      disconnect: undefined,
      // The last chunk is known in advance only with a fixed chunk size.
      isAdaptive: rest.isAdaptive && rest.sizes.every((bytes) => bytes < mebibyte),
    })
  })

/** Only a form may have two files. */
function withAllowedSizes(scenario: Scenario): Scenario {
  return scenario.method === 'form' ? scenario : { ...scenario, sizes: scenario.sizes.slice(0, 1) }
}

export function isTus({ method }: Pick<Scenario, 'method'>): boolean {
  return method.startsWith('tus')
}

/**
 * Whether the upload must survive all injected faults: each one is transient, and together they cost
 * fewer attempts than the retry policy allows. A tus client must succeed even after a disconnect.
 */
export function mustSucceed(scenario: Scenario, injected: readonly InjectedFault[]): boolean {
  return (
    (scenario.disconnect === undefined || isTus(scenario)) &&
    injected.every((fault) => kindOf(fault).isTransient) &&
    injected.filter(({ kind }) => kind === '401').length < 2 &&
    attemptsOf(injected) < 8
  )
}

/** Maximum number of attempts that the faults cost. */
export function attemptsOf(injected: readonly InjectedFault[]): number {
  return injected.filter((fault) => kindOf(fault).attempts !== 0).length
}

/** Whether Drive completed the upload, and its response was lost. */
export function isLastResponseLost(injected: readonly InjectedFault[]): boolean {
  return injected.some(
    ({ target, kind }) =>
      (target === 'create' || target === 'last chunk') && lostResponses.includes(kind),
  )
}

/** Sessions that stay open at Drive because their URI was lost. */
export function lostSessions(injected: readonly InjectedFault[]): number {
  return injected.filter((fault) => fault.target === 'open' && kindOf(fault).losesResponse).length
}

/** Sessions of tus uploads that stay open because Drive itself has denied their existence. */
export function deniedTusSessions(scenario: Scenario, injected: readonly InjectedFault[]): number {
  return isTus(scenario) ? injected.filter(({ kind }) => kind.endsWith(' to a session')).length : 0
}
