/** Reads the gateway's responses. Each `readX` takes parsed JSON and throws `unexpected_response` on another shape. */
import { unexpectedResponse } from './problem.ts'

export type Profile = 'browse' | 'own' | 'full'

export interface Session {
  readonly email: string
  readonly profile: Profile
  /** `null` while the grant is active. */
  readonly grantProblem: {
    /** `revoked`: Google no longer accepts the grant. `partial`: a required scope is missing. */
    readonly state: 'revoked' | 'partial'
    readonly cause: string
    readonly reconnect: string | undefined
  } | null
  /** Bytes; `null` for no limit. */
  readonly maxRequestBytes: number | null
  readonly maxFileBytes: number | null
}

export type FileKind = 'folder' | 'document' | 'file'

export interface DriveFile {
  readonly id: string
  readonly name: string
  readonly mimeType: string
  readonly kind: FileKind
  readonly size: number | null
  readonly modified: Date | null
  readonly webViewLink: string | undefined
  readonly shortcut: {
    readonly targetId: string
    readonly mimeType: string
    readonly kind: FileKind
  } | null
  /** Whether Driveway created the file or was granted access to it; `null` when the response omits it. */
  readonly isAppAuthorized: boolean | null
  readonly canAddChildren: boolean
  readonly canDownload: boolean
}

export interface FilesPage {
  readonly files: readonly DriveFile[]
  readonly nextPageToken: string | undefined
}

/** @returns `null` when signed out */
export function readSession(value: unknown): Session | null {
  const session = asObject(value)
  if (session['signedIn'] === false) return null
  if (session['signedIn'] !== true) throw unexpectedResponse()
  const { grant, limits, profile } = session
  const { state, cause, reconnect } = asObject(grant)
  const { maxRequestBytes, maxFileBytes } = asObject(limits ?? {})
  return {
    email: asString(session['email']) ?? '',
    profile: profile === 'own' || profile === 'full' ? profile : 'browse',
    grantProblem:
      state === 'revoked' || state === 'partial'
        ? { state, cause: asString(cause) ?? '', reconnect: asString(reconnect) }
        : null,
    maxRequestBytes: asNumber(maxRequestBytes),
    maxFileBytes: asNumber(maxFileBytes),
  }
}

export function readFilesPage(value: unknown): FilesPage {
  const { files, nextPageToken } = asObject(value)
  if (!Array.isArray(files)) throw unexpectedResponse()
  return { files: files.map(readFile), nextPageToken: asString(nextPageToken) }
}

export function readFile(value: unknown): DriveFile {
  const file = asObject(value)
  const id = asString(file['id'])
  if (id === undefined) throw unexpectedResponse()
  const { canAddChildren, canDownload } = asObject(file['capabilities'] ?? {})
  return {
    id,
    name: asString(file['name']) ?? '',
    mimeType: asString(file['mimeType']) ?? '',
    kind: asFileKind(file['kind']),
    size: asNumber(file['size']),
    modified: asDate(file['modifiedTime']),
    webViewLink: asString(file['webViewLink']),
    shortcut: file['shortcut'] === undefined ? null : readShortcut(asObject(file['shortcut'])),
    isAppAuthorized: typeof file['isAppAuthorized'] === 'boolean' ? file['isAppAuthorized'] : null,
    canAddChildren: canAddChildren !== false,
    canDownload: canDownload !== false,
  }
}

/** Reads a folder and the ids of its parents. */
export function readFolder(value: unknown): { folder: DriveFile; parents: string[] } {
  const { parents } = asObject(value)
  const ids = Array.isArray(parents) ? parents.filter((id) => typeof id === 'string') : []
  return { folder: readFile(value), parents: ids }
}

function readShortcut(shortcut: Record<string, unknown>): DriveFile['shortcut'] {
  const targetId = asString(shortcut['targetId'])
  if (targetId === undefined) return null
  return {
    targetId,
    mimeType: asString(shortcut['targetMimeType']) ?? '',
    kind: asFileKind(shortcut['kind']),
  }
}

export function asObject(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw unexpectedResponse()
  return value as Record<string, unknown>
}

export const asString = (value: unknown) => (typeof value === 'string' ? value : undefined)
export const asNumber = (value: unknown) => (typeof value === 'number' ? value : null)
export const asDate = (value: unknown) => (typeof value === 'string' ? new Date(value) : null)
const asFileKind = (value: unknown): FileKind =>
  value === 'folder' || value === 'document' ? value : 'file'
