/** What a token is to be good for, as its owner says it, and as they are told of it afterwards. */
import type { Folders } from '../drive/files/folders.ts'
import { GatewayError } from '../errors.ts'
import type { Credential, Grant } from '../identity/credentials.ts'
import { readPath } from '../http/file-name.ts'
import { dayMs, readFolder, readLifetime, readLimits, readScopes } from './credential-params.ts'
import type { FolderDeps } from './credential-params.ts'

export interface TokenParamsDeps extends FolderDeps {
  folders: Pick<Folders, 'reach'>
}

const knownParams = ['name', 'scopes', 'folder', 'path', 'maxBytes', 'maxFiles', 'expiresInDays']

/**
 * Reads them, and finds or makes the folder that they name.
 *
 * @throws {GatewayError} `bad_request`, also for a term that nobody knows: somebody counts on it;
 *   `invalid_path`, `drive_not_found`, or what else Drive refuses with
 */
export async function readTokenParams(
  deps: TokenParamsDeps,
  sub: string,
  body: Record<string, unknown>,
  signal: AbortSignal,
): Promise<{ grant: Grant; lifetimeMs: number }> {
  if (Object.keys(body).some((key) => !knownParams.includes(key))) {
    throw bad(`A token has ${knownParams.join(', ')} and nothing else`)
  }
  const { name = 'curl', folder, path, expiresInDays } = body
  if (typeof name !== 'string' || !/^[^\p{Cc}\p{Cs}]{1,100}$/u.test(name)) {
    throw bad('name has to be a text of 1 to 100 characters')
  }
  const scopes = readScopes(body['scopes'])
  const limits = readLimits(body)
  const lifetimeMs = readLifetime(expiresInDays) ?? 90 * dayMs
  const below = readFolderPath(path)
  const from = await readFolder(deps, sub, folder, signal)
  const place = below.length === 0 ? from : await ensureFolder(deps, sub, from?.id, below, signal)
  const grant = {
    sub,
    name,
    scopes,
    ...(place === null ? {} : { folder: place }),
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
  }
  return { grant, lifetimeMs }
}

async function ensureFolder(
  deps: TokenParamsDeps,
  sub: string,
  from: string | undefined,
  path: readonly string[],
  signal: AbortSignal,
): ReturnType<typeof readFolder> {
  const id = await deps.folders.reach(deps.accountOf(sub), from, path, signal)
  return readFolder(deps, sub, id, signal)
}

function readFolderPath(path: unknown): string[] {
  if (path === undefined || path === null) return []
  if (typeof path !== 'string') throw bad('path has to be names of folders with slashes between')
  return readPath(path.split('/'))
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

function bad(detail: string): GatewayError {
  return new GatewayError('bad_request', detail, { detail })
}
