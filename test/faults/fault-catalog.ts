/** Catalogue of injected Drive faults, as data that fast-check can shrink. */
import type { Fault } from '../../infra/sandbox/faults.ts'
import { chunk, refusal } from './fixture.ts'

/** The requests of an upload that can fail: operation, and which of several. */
const operations = {
  ids: ['drive.generateIds'],
  create: ['drive.upload.multipart'],
  open: ['drive.upload.open'],
  'first chunk': ['drive.upload.chunk', 'first'],
  'middle chunk': ['drive.upload.chunk', 'middle'],
  'last chunk': ['drive.upload.chunk', 'last'],
  'any chunk': ['drive.upload.chunk', 'any'],
  status: ['drive.upload.status'],
  'look-up': ['drive.files.get'],
  cancel: ['drive.upload.cancel'],
  removal: ['drive.files.delete'],
} as const satisfies Record<string, readonly [operation: string, which?: string]>

export type FaultTarget = keyof typeof operations

export const transferTargets: FaultTarget[] = [
  'create',
  'first chunk',
  'middle chunk',
  'last chunk',
  'any chunk',
]
const chunkTargets: FaultTarget[] = transferTargets.slice(1)
const creatingTargets: FaultTarget[] = ['create', 'open', ...chunkTargets]
const sessionTargets: FaultTarget[] = [...chunkTargets, 'status']
const uploadTargets: FaultTarget[] = ['open', ...transferTargets, 'status']
const allTargets = Object.keys(operations) as FaultTarget[]

interface FaultKind {
  targets: readonly FaultTarget[]
  /** @param amount from 0 to the bytes of a chunk */
  fault(amount: number): Omit<Fault, 'operation' | 'skip' | 'times'>
  /** Whether an upload must survive it. */
  isTransient: boolean
  /** Attempts that one occurrence costs; default 1. */
  attempts?: 0
  /** When a session is opened: Drive opens it, but its URI is lost. */
  losesResponse?: true
  /** Takes long, so it is used rarely. */
  isSlow?: true
}

const transient = (
  targets: readonly FaultTarget[],
  fault: FaultKind['fault'],
  options: Partial<FaultKind> = {},
): FaultKind => ({
  targets,
  fault,
  isTransient: true,
  ...options,
})
const permanent = (
  targets: readonly FaultTarget[],
  fault: FaultKind['fault'],
  options: Partial<FaultKind> = {},
): FaultKind => ({
  targets,
  fault,
  isTransient: false,
  ...options,
})

const noAttempt = { attempts: 0 } as const
const losesResponse = { losesResponse: true } as const
const slow = { isSlow: true } as const

export const faultKinds = {
  // Transient faults
  '500': transient(allTargets, () => ({ status: 500 })),
  '502 with an HTML body': transient(allTargets, () => ({
    status: 502,
    body: '<html>Bad gateway</html>',
  })),
  '503': transient(allTargets, () => ({ status: 503 })),
  '504 before the request body': transient(allTargets, () => ({ status: 504, early: true })),
  '503 during the request body': transient(transferTargets, (amount) => ({
    status: 503,
    respondAfterBytes: amount,
  })),
  '503 after handling': transient(
    allTargets,
    () => ({ status: 503, afterHandling: true }),
    losesResponse,
  ),
  '408 with an HTML body': transient(allTargets, () => ({ status: 408, htmlPage: true })),
  '408 during the request body': transient(transferTargets, (amount) => ({
    status: 408,
    htmlPage: true,
    respondAfterBytes: amount,
  })),
  '408 after handling': transient(
    allTargets,
    () => ({ status: 408, htmlPage: true, afterHandling: true }),
    losesResponse,
  ),
  '423': transient(allTargets, () => ({ status: 423 })),
  '425': transient(allTargets, () => ({ status: 425 })),
  '521 with an HTML body': transient(allTargets, () => ({ status: 521, htmlPage: true })),
  '429': transient(allTargets, () => ({ status: 429 })),
  '429 with Retry-After': transient(allTargets, (amount) => ({
    status: 429,
    headers: { 'retry-after': String(amount % 17) },
  })),
  'rate limit': transient(allTargets, () => refusal(403, 'userRateLimitExceeded')),
  'rate limit in details': transient(allTargets, () => ({
    reason: 'RATE_LIMIT_EXCEEDED',
    reasonIn: 'details',
  })),
  '401': transient(allTargets, () => ({ status: 401 })),
  reset: transient(allTargets, () => ({ reset: true })),
  FIN: transient(allTargets, () => ({ reset: true, cut: 'fin' })),
  'reset during the request body': transient(transferTargets, (amount) => ({
    resetAfterBytes: amount,
  })),
  'FIN during the request body': transient(transferTargets, (amount) => ({
    resetAfterBytes: amount,
    cut: 'fin',
  })),
  'reset instead of a response': transient(
    allTargets,
    () => ({ dropResponse: true }),
    losesResponse,
  ),
  'FIN instead of a response': transient(
    allTargets,
    () => ({ dropResponse: true, cut: 'fin' }),
    losesResponse,
  ),
  'truncated response': transient(allTargets, (amount) => ({ responseBytes: amount % 20 })),
  'interim response': transient(allTargets, () => ({ interim: 103 }), noAttempt),
  'slow response': transient(transferTargets, () => ({ trickleMs: 0.1 }), slow),
  'partly stored chunk': transient(chunkTargets, (amount) => ({ acceptBytes: amount })),
  'missing Range': transient(chunkTargets, () => ({ range: null })),
  'missing checksum': transient(
    transferTargets,
    () => ({ file: { sha256Checksum: null } }),
    noAttempt,
  ),
  'missing size': transient(transferTargets, () => ({ file: { size: null } }), noAttempt),
  'hang before reading': transient(uploadTargets, () => ({ hang: 'headers' }), slow),
  'hang before the response': transient(uploadTargets, () => ({ hang: 'response' }), {
    ...slow,
    ...losesResponse,
  }),
  'hang before the response body': transient(uploadTargets, () => ({ hang: 'body' }), {
    ...slow,
    ...losesResponse,
  }),
  'stall during the request body': transient(
    transferTargets,
    (amount) => ({ stallAfterBytes: amount }),
    slow,
  ),

  // Faults that may end an upload
  '429 with a Retry-After of an hour': permanent(uploadTargets, () => ({
    status: 429,
    headers: { 'retry-after': '3600' },
  })),
  'full Drive': permanent(uploadTargets, () => refusal(403, 'storageQuotaExceeded')),
  'forbidden folder': permanent(uploadTargets, () => refusal(403, 'insufficientFilePermissions')),
  '413': permanent(uploadTargets, () => ({ status: 413 })),
  'folders nested too deeply': permanent(uploadTargets, () => ({
    reason: 'teamDriveHierarchyTooDeep',
  })),
  'daily limit': permanent(uploadTargets, () => refusal(403, 'dailyLimitExceeded')),
  'domain policy': permanent(uploadTargets, () => refusal(403, 'domainPolicy')),
  'unknown reason': permanent(uploadTargets, () => refusal(403, 'somethingNew')),
  '403 with an HTML body': permanent(uploadTargets, () => ({
    status: 403,
    body: '<html>No</html>',
  })),
  redirect: permanent(uploadTargets, () => ({
    status: 307,
    headers: { location: 'http://localhost:9/' },
  })),
  '204': permanent(uploadTargets, () => ({ status: 204 })),
  '200 with an HTML body': permanent(uploadTargets, () => ({
    status: 200,
    body: '<html>Fine</html>',
  })),
  '400 to a session': permanent(sessionTargets, () => ({ status: 400 })),
  '404 to a session': permanent(sessionTargets, () => ({ status: 404 })),
  '410 to a session': permanent(sessionTargets, () => ({ status: 410 })),
  '499 to a session': permanent(sessionTargets, () => ({ status: 499 })),
  'expired session': permanent(sessionTargets, () => ({ expireSession: true })),
  'wrong Range': permanent(sessionTargets, (amount) => ({ range: `bytes=0-${amount}` })),
  'Range ahead': permanent(sessionTargets, () => ({ range: 'bytes=0-99999999999' })),
  'malformed Range': permanent(sessionTargets, () => ({ range: 'bytes=5-9' })),
  'missing Range in a status': permanent(['status'], () => ({ range: null })),
  '308 with a Location': permanent(sessionTargets, () => ({ location: 'http://localhost:9/' })),
  'session URI of another host': permanent(
    ['open'],
    () => ({ location: 'http://localhost:9/' }),
    losesResponse,
  ),
  'missing session URI': permanent(['open'], () => ({ location: null }), losesResponse),
  'missing bytes': permanent(['create'], (amount) => ({ acceptBytes: amount })),
  'wrong checksum': permanent(transferTargets, () => ({
    file: { sha256Checksum: '0'.repeat(64) },
  })),
  'wrong size': permanent(transferTargets, () => ({ file: { size: '77' } })),
  'wrong name': permanent(transferTargets, () => ({ file: { name: 'other' } })),
  'wrong id': permanent(transferTargets, () => ({ file: { id: 'other' } })),
  'missing id': permanent(creatingTargets, () => ({ file: { id: null } })),
} as const satisfies Record<string, FaultKind>

export type FaultKindName = keyof typeof faultKinds
export const faultKindNames = Object.keys(faultKinds) as FaultKindName[]

/** A fault of a scenario. */
export interface InjectedFault {
  target: FaultTarget
  kind: FaultKindName
  amount: number
  /** Consecutive occurrences. */
  times: number
}

export function kindOf({ kind }: InjectedFault): FaultKind {
  return faultKinds[kind]
}

/** Whether a kind applies to a target. */
export function isPossible({ target, kind }: Pick<InjectedFault, 'target' | 'kind'>): boolean {
  return faultKinds[kind].targets.includes(target)
}

/** @param size of the file, in bytes */
export function toFault(injected: InjectedFault, size: number): Fault {
  const [operation, which] = operations[injected.target] as readonly [string, string?]
  const count = Math.max(1, Math.ceil(size / chunk))
  const skips: Record<string, number> = {
    first: 0,
    middle: count >> 1,
    last: count - 1,
    any: injected.amount % count,
  }
  return {
    operation,
    skip: skips[which ?? ''] ?? 0,
    times: injected.times,
    ...kindOf(injected).fault(injected.amount),
  }
}
