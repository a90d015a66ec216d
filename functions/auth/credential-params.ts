/** What a credential is to be good for, as its owner writes it: the same words everywhere. */
import type { DriveAccount } from '../drive/client/account.ts'
import type { Files } from '../drive/files/listing.ts'
import { GatewayError } from '../errors.ts'
import { scopes as allScopes } from '../identity/principal.ts'
import type { Limits, Principal, Scope } from '../identity/principal.ts'
import { readFileId } from '../files/list-query.ts'

export interface FolderDeps {
  files: Pick<Files, 'get'>
  accountOf(sub: string): DriveAccount
}

export const dayMs = 24 * 60 * 60_000

/** @returns all scopes where nothing is said */
export function readScopes(value: unknown): Scope[] {
  if (value === undefined || value === null) return [...allScopes]
  const said: unknown[] = Array.isArray(value) ? value : []
  const known = allScopes.filter((scope) => said.includes(scope))
  if (said.length > 0 && said.every((scope) => known.some((one) => one === scope))) return known
  throw bad(`scopes has to be a list of ${allScopes.join(' and ')}`)
}

export function readLimits({ maxBytes, maxFiles }: Record<string, unknown>): Limits {
  const [bytes, files] = [
    readPositiveInteger('maxBytes', maxBytes),
    readPositiveInteger('maxFiles', maxFiles),
  ]
  return {
    ...(bytes === undefined ? {} : { maxBytes: bytes }),
    ...(files === undefined ? {} : { maxFiles: files }),
  }
}

/** @returns milliseconds; `undefined` where nothing is said */
export function readLifetime(days: unknown): number | undefined {
  if (days === undefined || days === null) return undefined
  if (Number.isInteger(days) && Number(days) >= 1 && Number(days) <= 365) {
    return Number(days) * dayMs
  }
  throw bad('expiresInDays has to be a whole number from 1 to 365')
}

/**
 * @param folder an id, or a folder as our answers have it
 * @returns `null` where nothing is said
 * @throws {GatewayError} `bad_request`, `drive_not_found` where this person has no such folder
 */
export async function readFolder(
  { files, accountOf }: FolderDeps,
  sub: string,
  folder: unknown,
  signal: AbortSignal,
): Promise<NonNullable<Principal['folder']> | null> {
  if (folder === undefined || folder === null) return null
  const said: unknown = typeof folder === 'object' ? (folder as { id?: unknown }).id : folder
  if (typeof said !== 'string') throw bad('folder has to be the id of a folder')
  const { id, name, kind } = await files.get(accountOf(sub), readFileId(said), signal)
  if (kind !== 'folder') throw new GatewayError('drive_not_found', 'It is no folder')
  return { id, name }
}

function readPositiveInteger(name: string, value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined
  if (Number.isSafeInteger(value) && Number(value) > 0) return Number(value)
  throw bad(`${name} has to be a whole number greater than 0`)
}

function bad(detail: string): GatewayError {
  return new GatewayError('bad_request', detail, { detail })
}
