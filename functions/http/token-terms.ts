/** What a token is to be good for, as its owner says it. */
import type { DriveAccount } from '../drive/account.ts'
import type { Confines } from '../drive/confine.ts'
import type { Folders } from '../drive/folders.ts'
import { GatewayError } from '../errors.ts'
import type { Credential, Grant } from '../identity/credential.ts'
import { scopes as allScopes } from '../identity/principal.ts'
import type { Limits, Scope } from '../identity/principal.ts'
import { readPath } from './file-name.ts'
import { readFileId } from './files-query.ts'

export interface TokenTerms {
  name: string
  scopes: readonly Scope[]
  /** A folder's id. */
  folder?: string
  /** Folders below it, or below My Drive's root. */
  path: string[]
  limits?: Limits
  lifetimeMs: number
}

const dayMs = 24 * 60 * 60_000
const known = ['name', 'scopes', 'folder', 'path', 'maxBytes', 'maxFiles', 'expiresInDays']

/**
 * @throws {GatewayError} `bad_request` naming everything that is wrong, `bad_path`,
 *   `drive_not_found`; a term that is not known is wrong too: somebody counts on it
 */
export function readTokenTerms(body: Record<string, unknown>): TokenTerms {
  const { name = 'curl', scopes = allScopes, folder, path, expiresInDays = 90 } = body
  const { maxBytes, maxFiles } = body
  const unknown = Object.keys(body).filter((key) => !known.includes(key))
  const wrong = [
    ...(unknown.length === 0 ? [] : [`only ${known.join(', ')} can be said`]),
    ...(isName(name) ? [] : ['name must be a text of 1 to 100 characters']),
    ...(isScopes(scopes) ? [] : [`scopes must be a list of ${allScopes.join(', ')}`]),
    ...(isTextOrNone(folder) ? [] : ['folder must be a folder’s id']),
    ...(isTextOrNone(path) ? [] : ['path must be folders with slashes between']),
    ...(isLimit(maxBytes) ? [] : ['maxBytes must be a whole number from 1 on']),
    ...(isLimit(maxFiles) ? [] : ['maxFiles must be a whole number from 1 on']),
    ...(isDays(expiresInDays) ? [] : ['expiresInDays must be a whole number from 1 to 365']),
  ]
  if (wrong.length > 0) {
    const detail = wrong.join('; ')
    throw new GatewayError('bad_request', 'Bad terms of a token', { detail })
  }
  const limits = {
    ...(maxBytes === undefined ? {} : { maxBytes: Number(maxBytes) }),
    ...(maxFiles === undefined ? {} : { maxFiles: Number(maxFiles) }),
  }
  return {
    name: String(name),
    scopes: allScopes.filter((scope) => (scopes as readonly unknown[]).includes(scope)),
    ...(typeof folder === 'string' ? { folder: readFileId(folder) } : {}),
    path: typeof path === 'string' ? readPath(path.split('/')) : [],
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
    lifetimeMs: Number(expiresInDays) * dayMs,
  }
}

export interface PlaceParts {
  folders: Folders
  confines: Pick<Confines, 'folder'>
  accountOf(sub: string): DriveAccount
}

/**
 * The folder that a token is bound to: found, or made where a path says so.
 *
 * @throws {GatewayError} `drive_not_found`, or what else Drive refuses with
 */
export async function placeOf(
  { folders, confines, accountOf }: PlaceParts,
  sub: string,
  { folder, path }: Pick<TokenTerms, 'folder' | 'path'>,
  signal: AbortSignal,
): Promise<Pick<Grant, 'folder'>> {
  if (folder === undefined && path.length === 0) return {}
  const account = accountOf(sub)
  const from = folder === undefined ? undefined : await confines.folder(account, folder, signal)
  const id = await folders.reach(account, from?.id, path, signal)
  if (path.length === 0 && from) return { folder: from }
  return { folder: await confines.folder(account, id ?? 'root', signal) }
}

/** A token as its owner sees it: everything but its secret. */
export function describeToken(token: Credential): Record<string, unknown> {
  const { id, name, scopes, folder, limits = {}, createdAt, expiresAt } = token
  return {
    id,
    name,
    scopes,
    folder: folder ?? null,
    maxBytes: limits.maxBytes ?? null,
    maxFiles: limits.maxFiles ?? null,
    created: new Date(createdAt).toISOString(),
    expires: new Date(expiresAt).toISOString(),
  }
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && /^[^\p{Cc}\p{Cs}]{1,100}$/u.test(value)
}

function isScopes(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((scope) => (allScopes as readonly unknown[]).includes(scope))
  )
}

function isTextOrNone(value: unknown): boolean {
  return value === undefined || (typeof value === 'string' && value !== '')
}

function isLimit(value: unknown): boolean {
  return value === undefined || (Number.isSafeInteger(value) && Number(value) >= 1)
}

function isDays(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 1 && Number(value) <= 365
}
