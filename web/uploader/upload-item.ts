/** The uploads that the user sees: their properties and states. */
import type { Problem } from '../api/problem.ts'
import type { DriveFile } from '../api/types.ts'

/** The folder that files are uploaded to. */
export interface UploadTarget {
  /** The folder's id; `null` for My Drive. */
  readonly id: string | null
  readonly name: string
  /** Subfolders to use or create, such as `Inbox/2026`; default none. */
  readonly path?: string
}

/** A file that the user picked, and its folders. */
export interface PickedFile {
  readonly file: File
  /** Folders below the target, such as `Trip/Day 1`; '' for none. */
  readonly path: string
}

export type UploadState =
  /** Queued, or on hold until sign-in. */
  | { readonly status: 'waiting' }
  | { readonly status: 'uploading'; readonly sent: number; readonly rate: number }
  /** The connection failed; the upload resumes automatically. */
  | { readonly status: 'reconnecting'; readonly sent: number }
  | { readonly status: 'paused'; readonly sent: number }
  /** All bytes are sent; Drive's checksum is not compared yet. */
  | { readonly status: 'verifying' }
  | { readonly status: 'stored'; readonly file: DriveFile }
  | { readonly status: 'failed'; readonly problem: Problem; readonly isFinal: boolean }
  | { readonly status: 'cancelled' }
  /** Restored after a reload without the file's bytes: the user has to choose the file again. */
  | { readonly status: 'missing' }

export interface UploadItem {
  readonly id: string
  readonly name: string
  /** As reported by the browser; '' when unknown. */
  readonly mimeType: string
  readonly size: number
  readonly path: string
  readonly target: UploadTarget
  state: UploadState
}

/** Whether the upload is in progress or starts without a user action. */
export function isActive({ state }: UploadItem): boolean {
  return ['waiting', 'uploading', 'reconnecting', 'verifying'].includes(state.status)
}

export function isFinished({ state }: UploadItem): boolean {
  return ['stored', 'failed', 'cancelled'].includes(state.status)
}

/** Bytes sent, as shown to the user. */
export function sentBytes({ state, size }: UploadItem): number {
  if (state.status === 'stored' || state.status === 'verifying') return size
  return 'sent' in state ? state.sent : 0
}
