/** Reads the gateway's answers: each `readX` takes parsed JSON and throws `unreadable` on another shape. */
import { unreadable } from './problem.ts'

export type Profile = 'browse' | 'own' | 'full'

export interface SignedIn {
  readonly email: string
  readonly profile: Profile
  /** `null` while the grant is active. */
  readonly broken: {
    /** Google has ended it, or the person has given a part of it only. */
    readonly state: 'dead' | 'partial'
    readonly cause: string
    readonly reconnect: string | undefined
  } | null
  /** Bytes; `null` where there is no limit. */
  readonly maxRequestBytes: number | null
  readonly maxFileBytes: number | null
}

export type Kind = 'folder' | 'document' | 'file'

export interface DriveFile {
  readonly id: string
  readonly name: string
  readonly mimeType: string
  readonly kind: Kind
  readonly size: number | null
  readonly modified: Date | null
  readonly webViewLink: string | undefined
  readonly shortcut: {
    readonly targetId: string
    readonly mimeType: string
    readonly kind: Kind
  } | null
  /** Whether Driveway made it, or was given it; `null` where that was not said. */
  readonly isOurs: boolean | null
  readonly canAddChildren: boolean
  readonly canDownload: boolean
}

export interface FilesPage {
  readonly files: readonly DriveFile[]
  readonly nextPageToken: string | undefined
}

/** @returns `null` when nobody is signed in */
export function readSession(value: unknown): SignedIn | null {
  const session = object(value)
  if (session['signedIn'] === false) return null
  if (session['signedIn'] !== true) throw unreadable()
  const { grant, limits, profile } = session
  const { state, cause, reconnect } = object(grant)
  const { maxRequestBytes, maxFileBytes } = object(limits ?? {})
  return {
    email: text(session['email']) ?? '',
    profile: profile === 'own' || profile === 'full' ? profile : 'browse',
    broken:
      state === 'dead' || state === 'partial'
        ? { state, cause: text(cause) ?? '', reconnect: text(reconnect) }
        : null,
    maxRequestBytes: number(maxRequestBytes),
    maxFileBytes: number(maxFileBytes),
  }
}

export function readFilesPage(value: unknown): FilesPage {
  const { files, nextPageToken } = object(value)
  if (!Array.isArray(files)) throw unreadable()
  return { files: files.map(readFile), nextPageToken: text(nextPageToken) }
}

/** The one file of a finished upload. */
export function readUploaded(value: unknown): DriveFile {
  const [file] = readFilesPage(value).files
  if (file === undefined) throw unreadable()
  return file
}

export function readFile(value: unknown): DriveFile {
  const file = object(value)
  const id = text(file['id'])
  if (id === undefined) throw unreadable()
  const { canAddChildren, canDownload } = object(file['capabilities'] ?? {})
  return {
    id,
    name: text(file['name']) ?? '',
    mimeType: text(file['mimeType']) ?? '',
    kind: kind(file['kind']),
    size: number(file['size']),
    modified: date(file['modifiedTime']),
    webViewLink: text(file['webViewLink']),
    shortcut: file['shortcut'] === undefined ? null : readShortcut(object(file['shortcut'])),
    isOurs: typeof file['isAppAuthorized'] === 'boolean' ? file['isAppAuthorized'] : null,
    canAddChildren: canAddChildren !== false,
    canDownload: canDownload !== false,
  }
}

/** A folder, and the ids of those that it is in. */
export function readFolder(value: unknown): { folder: DriveFile; parents: string[] } {
  const { parents } = object(value)
  const ids = Array.isArray(parents) ? parents.filter((id) => typeof id === 'string') : []
  return { folder: readFile(value), parents: ids }
}

function readShortcut(shortcut: Record<string, unknown>): DriveFile['shortcut'] {
  const targetId = text(shortcut['targetId'])
  if (targetId === undefined) return null
  return {
    targetId,
    mimeType: text(shortcut['targetMimeType']) ?? '',
    kind: kind(shortcut['kind']),
  }
}

export function object(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw unreadable()
  return value as Record<string, unknown>
}

export const text = (value: unknown) => (typeof value === 'string' ? value : undefined)
export const number = (value: unknown) => (typeof value === 'number' ? value : null)
export const date = (value: unknown) => (typeof value === 'string' ? new Date(value) : null)
const kind = (value: unknown): Kind => (value === 'folder' || value === 'document' ? value : 'file')
