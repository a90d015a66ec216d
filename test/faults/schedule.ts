/** Random schedules of faults, each the same for the same seed. */
import type { Fault } from '../../infra/sandbox/faults.ts'
import { chunk, refusal } from './kit.ts'

export interface Schedule {
  /** Bytes of each file of the form. */
  sizes: number[]
  faults: Fault[]
  /** Where the caller leaves, as a share of the form's bytes; never, where undefined. */
  leavesAt: number | undefined
}

export type Random = () => number

/** Mulberry32: 32 bits of state are enough for a test. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export function createSchedule(random: Random): Schedule {
  const sizes = random() < 0.2 ? [pickSize(random), pickSize(random)] : [pickSize(random)]
  const faults = Array.from({ length: 1 + below(random, 4) }, () => pickFault(random))
  // Silence takes its time, so it is rare.
  if (random() < 0.02) faults.push(pickSilence(random))
  return { sizes, faults, leavesAt: random() < 0.2 ? random() : undefined }
}

/** Whether nothing in it is more than an upload has to survive. */
export function mustSucceed({ faults, leavesAt }: Schedule): boolean {
  const refusedTokens = faults.filter(({ status }) => status === 401).length
  const deadSessions = faults.filter(({ forget }) => forget).length
  return leavesAt === undefined && refusedTokens < 2 && deadSessions === 0
}

/** Sessions that may have been opened without their URI ever being heard. */
export function unheardSessions({ faults }: Schedule): number {
  return faults.filter(
    (fault) =>
      fault.operation === 'drive.upload.open' &&
      (fault.loseAnswer || fault.afterwards || fault.hang === 'answer'),
  ).length
}

/** 0 to 3 MiB, dense around multiples of 256 KiB. */
function pickSize(random: Random): number {
  if (random() < 0.3) return below(random, 3 * 1024 * 1024)
  return Math.max(0, below(random, 13) * chunk + below(random, 5) - 2)
}

function pickFault(random: Random): Fault {
  const upload = ['multipart', 'open', 'chunk', 'chunk', 'chunk', 'status', 'cancel']
  const operations = [...upload.map((name) => `drive.upload.${name}`), 'drive.files.delete']
  const operation = pick(random, operations)
  const skip = operation === 'drive.upload.chunk' ? below(random, 8) : 0
  const kinds = [...anywhere, ...(operation === 'drive.upload.chunk' ? ofChunks : [])]
  return { operation, skip, ...pick(random, kinds)(random) }
}

function pickSilence(random: Random): Fault {
  const operation = `drive.upload.${pick(random, ['multipart', 'open', 'chunk', 'status'])}`
  const silence = pick(random, ['headers', 'answer', 'body', 'stall'] as const)
  return { operation, ...(silence === 'stall' ? { stallAfterBytes: 1000 } : { hang: silence }) }
}

type Kind = (random: Random) => Omit<Fault, 'operation' | 'skip'>

const anywhere: Kind[] = [
  (random) => ({ status: pick(random, [500, 502, 503, 504]), times: 1 + below(random, 2) }),
  (random) => ({ status: 503, early: true, headers: { 'retry-after': String(below(random, 4)) } }),
  () => ({ status: 429 }),
  () => refusal(403, 'userRateLimitExceeded'),
  () => ({ status: 401 }),
  (random) => ({ reset: true, cut: pick(random, ['reset', 'fin']) }),
  (random) => ({ loseAnswer: true, cut: pick(random, ['reset', 'fin']) }),
  () => ({ status: 503, afterwards: true }),
  (random) => ({ interim: pick(random, [100, 102, 103]) }),
]

const ofChunks: Kind[] = [
  (random) => ({ resetAfterBytes: below(random, chunk + 1), cut: pick(random, ['reset', 'fin']) }),
  (random) => ({ status: 503, answerAfterBytes: below(random, chunk) }),
  (random) => ({ acceptBytes: below(random, chunk) }),
  () => ({ range: null }),
  (random) => ({ range: `bytes=0-${below(random, chunk)}` }),
  () => ({ forget: true }),
  () => ({ answerBytes: 10 }),
]

function below(random: Random, limit: number): number {
  return Math.floor(random() * limit)
}

function pick<T>(random: Random, from: readonly T[]): T {
  return from[below(random, from.length)] as T
}
