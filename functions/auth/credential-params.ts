/** Parses the parameters that tokens, device approvals and CI policies share. */
import { withResourceKeys } from '../drive/client/account.ts'
import type { DriveAccount, FileReference } from '../drive/client/account.ts'
import type { Destinations } from '../drive/files/destination.ts'
import type { Files } from '../drive/files/listing.ts'
import { GatewayError } from '../errors.ts'
import { scopes as allScopes } from '../identity/principal.ts'
import type { Limits, Principal, Scope } from '../identity/principal.ts'
import { isResourceKey, readFileReference } from '../http/file-id.ts'
import { badRequest } from './request-errors.ts'

export interface FolderDeps {
  files: Pick<Files, 'get'>
  destinations: Destinations
  accountOf(sub: string): DriveAccount
}

export const dayMs = 24 * 60 * 60_000

/** Parses `scopes`. The default is all scopes. */
export function readScopes(value: unknown): Scope[] {
  if (value === undefined || value === null) return [...allScopes]
  const requested: unknown[] = Array.isArray(value) ? value : []
  const known: readonly unknown[] = allScopes
  if (requested.length > 0 && requested.every((scope) => known.includes(scope))) {
    return allScopes.filter((scope) => requested.includes(scope))
  }
  throw badRequest(`scopes must be a list of ${allScopes.join(' and ')}`)
}

/** Parses the quota `maxBytes` and `maxFiles`. The default is no limit. */
export function readQuota({ maxBytes, maxFiles }: Record<string, unknown>): Limits {
  const [bytes, files] = [
    readPositiveInteger('maxBytes', maxBytes),
    readPositiveInteger('maxFiles', maxFiles),
  ]
  return {
    ...(bytes === undefined ? {} : { maxBytes: bytes }),
    ...(files === undefined ? {} : { maxFiles: files }),
  }
}

/** Parses `expiresInDays`. @returns milliseconds, or `undefined` without a value */
export function readLifetime(days: unknown): number | undefined {
  if (days === undefined || days === null) return undefined
  if (Number.isInteger(days) && Number(days) >= 1 && Number(days) <= 365) {
    return Number(days) * dayMs
  }
  throw badRequest('expiresInDays must be an integer from 1 to 365')
}

/**
 * Parses `folder` and finds the folder in Drive. The id of a shortcut stands for its target.
 *
 * @param folder a file id, a link of Drive, or an object with an `id`, as our responses have it
 * @returns `null` without a value
 * @throws {GatewayError} `bad_request`, also for the id of a file, `folder_trashed`, `not_a_folder`, or
 *   `drive_not_found` when the account has no such folder
 */
export async function readFolder(
  { files, destinations, accountOf }: FolderDeps,
  sub: string,
  folder: unknown,
  signal: AbortSignal,
): Promise<NonNullable<Principal['folder']> | null> {
  if (folder === undefined || folder === null) return null
  const reference = readReference(folder)
  const account = withResourceKeys(accountOf(sub), reference)
  const target = await destinations.resolve(account, reference.id, signal)
  const { id, name, kind } = await files.get(account, target, signal)
  if (kind !== 'folder') throw new GatewayError('drive_not_found', 'The file is not a folder')
  const { resourceKey } = reference
  return resourceKey === undefined || id !== reference.id ? { id, name } : { id, name, resourceKey }
}

function readReference(folder: unknown): FileReference {
  const { id, resourceKey } =
    typeof folder === 'object' ? (folder as Record<string, unknown>) : { id: folder }
  if (typeof id !== 'string') throw badRequest('folder must be the id of a folder')
  const reference = readFileReference(id)
  return isResourceKey(resourceKey) ? { ...reference, resourceKey } : reference
}

function readPositiveInteger(name: string, value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined
  if (Number.isSafeInteger(value) && Number(value) > 0) return Number(value)
  throw badRequest(`${name} must be an integer greater than 0`)
}
