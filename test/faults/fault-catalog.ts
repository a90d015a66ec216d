/** What can go wrong at Drive, by name: where it strikes and how, as data that can be shrunk. */
import type { Fault } from '../../infra/sandbox/faults.ts'
import { chunk, refusal } from './fixture.ts'

/** The requests of an upload, and how many of their kind pass before. */
const places = {
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

export type Place = keyof typeof places

export const transfers: Place[] = [
  'create',
  'first chunk',
  'middle chunk',
  'last chunk',
  'any chunk',
]
const chunks: Place[] = transfers.slice(1)
const makers: Place[] = ['create', 'open', ...chunks]
const session: Place[] = [...chunks, 'status']
const talk: Place[] = ['open', ...transfers, 'status']
const everywhere = Object.keys(places) as Place[]

interface Kind {
  at: readonly Place[]
  /** How it is done; `amount` is anything from 0 to a chunk's bytes. */
  fault(amount: number): Omit<Fault, 'operation' | 'skip' | 'times'>
  /** Whether an upload has to survive it. */
  passes: boolean
  /** How many tries one stroke costs, where it is not one. */
  costs?: 0
  /** At the opening: a session that Drive has and whose URI was not heard. */
  unheard?: true
  /** It takes its time, so it is rare. */
  slow?: true
}

const passing = (at: readonly Place[], fault: Kind['fault'], more: Partial<Kind> = {}): Kind => ({
  at,
  fault,
  passes: true,
  ...more,
})
const final = (at: readonly Place[], fault: Kind['fault'], more: Partial<Kind> = {}): Kind => ({
  at,
  fault,
  passes: false,
  ...more,
})

const free = { costs: 0 } as const
const unheard = { unheard: true } as const
const slow = { slow: true } as const

export const kinds = {
  // What clears by itself, or by asking again
  '500': passing(everywhere, () => ({ status: 500 })),
  '502 in HTML': passing(everywhere, () => ({ status: 502, body: '<html>Bad gateway</html>' })),
  '503': passing(everywhere, () => ({ status: 503 })),
  '504 before the body': passing(everywhere, () => ({ status: 504, early: true })),
  '503 in mid-body': passing(transfers, (amount) => ({ status: 503, answerAfterBytes: amount })),
  '503 afterwards': passing(everywhere, () => ({ status: 503, afterwards: true }), unheard),
  '429': passing(everywhere, () => ({ status: 429 })),
  '429 with Retry-After': passing(everywhere, (amount) => ({
    status: 429,
    headers: { 'retry-after': String(amount % 17) },
  })),
  'a rate limit': passing(everywhere, () => refusal(403, 'userRateLimitExceeded')),
  '401': passing(everywhere, () => ({ status: 401 })),
  'a reset': passing(everywhere, () => ({ reset: true })),
  'a FIN': passing(everywhere, () => ({ reset: true, cut: 'fin' })),
  'a reset in mid-body': passing(transfers, (amount) => ({ resetAfterBytes: amount })),
  'a FIN in mid-body': passing(transfers, (amount) => ({ resetAfterBytes: amount, cut: 'fin' })),
  'a reset for an answer': passing(everywhere, () => ({ loseAnswer: true }), unheard),
  'a FIN for an answer': passing(everywhere, () => ({ loseAnswer: true, cut: 'fin' }), unheard),
  'half an answer': passing(everywhere, (amount) => ({ answerBytes: amount % 20 })),
  'interim answers': passing(everywhere, () => ({ interim: 103 }), free),
  'an answer byte by byte': passing(transfers, () => ({ trickle: 0.1 }), slow),
  'a chunk kept in part': passing(chunks, (amount) => ({ acceptBytes: amount })),
  'no Range': passing(chunks, () => ({ range: null })),
  'no checksum': passing(transfers, () => ({ file: { sha256Checksum: null } }), free),
  'no size': passing(transfers, () => ({ file: { size: null } }), free),
  'silence, unread': passing(talk, () => ({ hang: 'headers' }), slow),
  'silence for an answer': passing(talk, () => ({ hang: 'answer' }), { ...slow, ...unheard }),
  'silence for a body': passing(talk, () => ({ hang: 'body' }), { ...slow, ...unheard }),
  'silence in mid-body': passing(transfers, (amount) => ({ stallAfterBytes: amount }), slow),

  // What may end an upload
  'a wait of an hour': final(talk, () => ({ status: 429, headers: { 'retry-after': '3600' } })),
  'a full Drive': final(talk, () => refusal(403, 'storageQuotaExceeded')),
  'a closed folder': final(talk, () => refusal(403, 'insufficientFilePermissions')),
  'a policy': final(talk, () => refusal(403, 'domainPolicy')),
  'an unknown reason': final(talk, () => refusal(403, 'somethingNew')),
  '403 in HTML': final(talk, () => ({ status: 403, body: '<html>No</html>' })),
  'a redirect': final(talk, () => ({ status: 307, headers: { location: 'http://localhost:9/' } })),
  '204': final(talk, () => ({ status: 204 })),
  '200 in HTML': final(talk, () => ({ status: 200, body: '<html>Fine</html>' })),
  '400 to a session': final(session, () => ({ status: 400 })),
  '404 to a session': final(session, () => ({ status: 404 })),
  '410 to a session': final(session, () => ({ status: 410 })),
  '499 to a session': final(session, () => ({ status: 499 })),
  'a session forgotten': final(session, () => ({ forget: true })),
  'another Range': final(session, (amount) => ({ range: `bytes=0-${amount}` })),
  'a Range too far': final(session, () => ({ range: 'bytes=0-99999999999' })),
  'a Range from the middle': final(session, () => ({ range: 'bytes=5-9' })),
  'no Range for a status': final(['status'], () => ({ range: null })),
  '308 with a Location': final(session, () => ({ location: 'http://localhost:9/' })),
  'a session elsewhere': final(['open'], () => ({ location: 'http://localhost:9/' }), unheard),
  'a session nowhere': final(['open'], () => ({ location: null }), unheard),
  'fewer bytes kept than said': final(['create'], (amount) => ({ acceptBytes: amount })),
  'another checksum': final(transfers, () => ({ file: { sha256Checksum: '0'.repeat(64) } })),
  'another size': final(transfers, () => ({ file: { size: '77' } })),
  'another name': final(transfers, () => ({ file: { name: 'other' } })),
  'another id': final(transfers, () => ({ file: { id: 'other' } })),
  'no file under the id': final(makers, () => ({ file: { id: null } })),
} as const satisfies Record<string, Kind>

export type KindName = keyof typeof kinds
export const kindNames = Object.keys(kinds) as KindName[]

/** One thing that goes wrong. */
export interface Blow {
  place: Place
  kind: KindName
  amount: number
  /** How often in a row. */
  times: number
}

export function kindOf({ kind }: Blow): Kind {
  return kinds[kind]
}

/** Whether it can happen there at all. */
export function isPossible({ place, kind }: Pick<Blow, 'place' | 'kind'>): boolean {
  return kinds[kind].at.includes(place)
}

/** @param size of the file that it is to strike */
export function faultOf(blow: Blow, size: number): Fault {
  const [operation, which] = places[blow.place] as readonly [string, string?]
  const count = Math.max(1, Math.ceil(size / chunk))
  const skips: Record<string, number> = {
    first: 0,
    middle: count >> 1,
    last: count - 1,
    any: blow.amount % count,
  }
  return {
    operation,
    skip: skips[which ?? ''] ?? 0,
    times: blow.times,
    ...kindOf(blow).fault(blow.amount),
  }
}
