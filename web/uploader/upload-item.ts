/** Uploads as the person sees them: what each is, and how it stands. */
import type { Problem } from '../api/problem.ts'
import type { DriveFile } from '../api/types.ts'

/** The folder that files are to go into. */
export interface Target {
  /** Its id; `null` for My Drive itself. */
  readonly id: string | null
  readonly name: string
  /** Folders below it, found or made, such as `Inbox/2026`; none unless said. */
  readonly path?: string
}

/** A file in a person's hand, and the folders it came in. */
export interface Picked {
  readonly file: File
  /** Folders below the target, such as `Trip/Day 1`; '' for none. */
  readonly path: string
}

export type State =
  /** Its turn has not come. */
  | { readonly is: 'waiting' }
  | { readonly is: 'sending'; readonly sent: number; readonly rate: number }
  /** The connection broke: it goes on by itself. */
  | { readonly is: 'cut'; readonly sent: number }
  | { readonly is: 'paused'; readonly sent: number }
  /** All bytes have left; it is not in Drive before Drive's checksum is ours. */
  | { readonly is: 'checking' }
  | { readonly is: 'stored'; readonly file: DriveFile }
  | { readonly is: 'failed'; readonly problem: Problem; readonly final: boolean }
  | { readonly is: 'cancelled' }
  /** The page was left meanwhile, and its bytes were not kept: the person has to choose it again. */
  | { readonly is: 'missing' }

export interface Item {
  readonly id: string
  readonly name: string
  /** As the browser tells it; '' where it does not know. */
  readonly mimeType: string
  readonly size: number
  readonly path: string
  readonly target: Target
  state: State
}

/** Whether it is on its way, or will be without anybody doing anything. */
export function isUnderWay({ state }: Item): boolean {
  return ['waiting', 'sending', 'cut', 'checking'].includes(state.is)
}

export function isFinished({ state }: Item): boolean {
  return ['stored', 'failed', 'cancelled'].includes(state.is)
}

/** Bytes that are there, as far as the person is concerned. */
export function sentOf({ state, size }: Item): number {
  if (state.is === 'stored' || state.is === 'checking') return size
  return 'sent' in state ? state.sent : 0
}
